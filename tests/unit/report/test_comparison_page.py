"""The page as a browser's parser sees it: elements, attributes and text, whatever runs contain."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from comparison_toys import toy_run, write_run_folder

from limr.report.comparison import compare
from limr.report.comparison_figures import Figure
from limr.report.comparison_page import page
from limr.report.examples import Answer, Example, examples
from limr.report.folder_runs import read_folder_runs
from limr.report.runs import Found

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "</pre></main><iframe src=//x>",
    "{{ 7 * 7 }}{% raw %}",
    "' onmouseover='alert(1)",
]
TAGS = {
    "article", "b", "body", "br", "button", "caption", "dd", "div", "dl", "dt", "figcaption",
    "figure", "h1", "h2", "h3", "h4", "head", "header", "html", "img", "input", "label", "li",
    "main", "meta", "output", "p", "pre", "script", "section", "small", "span", "style", "table",
    "tbody", "td", "th", "thead", "title", "tr", "ul",
}  # fmt: skip


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.found, self.texts, self.open = [], {}, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def policy_of(elements):
    (policy,) = (m["content"] for m in elements.all("meta") if "http-equiv" in m)
    return dict(part.strip().split(" ", 1) for part in policy.split(";"))


@pytest.fixture
def html(comparison, tmp_path):
    (tmp_path / "accuracy.svg").write_text("<svg/>")
    shown, _notes = examples(comparison)
    figure = Figure("accuracy", "Accuracy", "What it shows.")
    return page(comparison, [figure], shown, ["a note"], title="Comparison: toys", folder=tmp_path)


def test_nothing_is_fetched_and_only_the_pages_own_code_runs(html):
    elements = Elements(html)
    policy = policy_of(elements)
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["img-src"] == "data:"
    for tag in ("script", "style"):
        (text,) = elements.texts[tag]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert re.findall(r"""(?:src|href|action)=["'](?!data:image/svg\+xml;base64,)""", html) == []
    assert "http:" not in html
    assert "https:" not in html
    assert all("style" not in attributes for _tag, attributes in elements.found)


def test_everything_has_its_place(html, comparison):
    elements = Elements(html)
    assert elements.open == []
    assert {tag for tag, _attributes in elements.found} <= TAGS
    assert elements.texts["title"] == elements.texts["h1"] == ["Comparison: toys"]
    tables = 1 + len(comparison.benchmarks) + 1  # how soon, results, runs
    assert len(elements.all("table")) == tables
    rows = len(comparison.arms) * (tables - 1) + sum(len(arm.runs) for arm in comparison.arms)
    assert len(elements.all("tr")) == tables + rows
    assert len(elements.all("article")) == 16  # 8 questions of each benchmark
    (image,) = elements.all("img")
    assert image["alt"] == "What it shows."
    assert base64.b64decode(image["src"].partition(",")[2]) == b"<svg/>"
    lim = comparison.rows_of("easy")[1]
    assert f"{100 * lim.accuracy.value:.1f}" in html
    assert "a note" in elements.texts["li"]


def test_it_can_be_used_by_keyboard_and_read_aloud(html):
    elements = Elements(html)
    assert elements.all("html")[0]["lang"] == "en"
    heads = elements.all("th")
    assert all(head["scope"] == "col" for head in heads)
    assert len(elements.all("button")) == len(heads) + 1
    ids = [a["id"] for _tag, a in elements.found if "id" in a]
    assert len(ids) == len({*ids})
    named = {a["aria-labelledby"] for _tag, a in elements.found if "aria-labelledby" in a}
    assert named | {a["for"] for a in elements.all("label")} <= {*ids}
    assert all(a["tabindex"] == "0" for a in elements.all("div") if a.get("role") == "region")
    assert "width=device-width" in html


@pytest.mark.parametrize("attack", ATTACKS)
def test_untrusted_text_is_text(tmp_path, attack):
    runs = [
        toy_run(attack, {attack: {0: [0.0, 1.0], 2: [1.0, 1.0]}}, arm=arm, seed=attack, id=attack,
                status=attack)
        for arm in ("full", attack)
    ]  # fmt: skip
    comparison = compare(Found(runs, [attack]), baseline="full", match="steps")
    answers = (Answer(attack, attack, attack, 3),)
    shown = [Example(attack, attack, attack, attack, answers)]
    (tmp_path / "a.svg").write_text("<svg/>")
    figure = Figure("a", attack, attack)
    html = page(comparison, [figure], shown, [attack], title=attack, folder=tmp_path)
    elements = Elements(html)
    assert {tag for tag, _attributes in elements.found} <= TAGS
    assert len(elements.all("script")) == 1
    assert [image.keys() for image in elements.all("img")] == [{"src", "alt"}]
    assert not [name for _tag, names in elements.found for name in names if name.startswith("on")]
    assert all("href" not in attributes for _tag, attributes in elements.found)
    assert elements.texts["title"] == [attack]
    assert elements.texts["pre"] == [attack, attack]
    assert attack in elements.texts["h4"]
    assert attack in elements.texts["td"]
    assert elements.all("img")[0]["alt"] == attack


def test_from_the_files_to_the_page_attacks_stay_text(tmp_path):
    for arm in ("full", "lim"):
        texts = {"response": ATTACKS[0], "prompt": ATTACKS[1]}
        write_run_folder(tmp_path / "runs" / arm, arm, 1, **texts)
    comparison = compare(read_folder_runs(tmp_path / "runs"), baseline="full", match="steps")
    shown, _notes = examples(comparison)
    html = page(comparison, [], shown, [], title="t", folder=tmp_path)
    assert {*Elements(html).texts["pre"]} == {*ATTACKS[:2]}


def test_one_run_alone_has_a_page(tmp_path):
    run = toy_run("full", {"easy": {0: [0.0, 1.0]}})
    comparison = compare(Found([run], []), baseline="full", match="steps")
    elements = Elements(page(comparison, [], [], [], title="t", folder=tmp_path))
    assert len(elements.all("table")) == 3
    assert elements.all("article") == elements.all("ul") == []
