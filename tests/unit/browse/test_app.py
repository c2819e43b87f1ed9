"""Every page by Flask's test client; the texts of a store are whatever a model wrote."""

import re
from urllib.parse import quote

import pytest
from browse_toys import CORRECT, MISCHIEF, PORT, Page, row, write_counted, wrong

from limr.browse import app as module
from limr.browse.app import create_app, decimal, percent, visible
from limr.browse.library import Library
from limr.trajectories import TrajectoryWriter, write_problems
from limr.types import Problem

HOST = {"Host": f"127.0.0.1:{PORT}"}


def client_of(folder, **options):
    return create_app(Library(str(folder), **options), PORT).test_client()


def page(client, path="/", code=200, **args):
    response = client.get(path, query_string=args, headers=HOST)
    assert response.status_code == code
    found = Page(response.text)
    assert found.is_harmless()
    return found


@pytest.fixture
def client(tmp_path):
    write_counted(tmp_path)
    return client_of(tmp_path)


def listed(found):
    return re.findall(r"(\w+) kind \d Prompt of", found.text)


def test_the_list_shows_every_problem_with_its_numbers(client):
    found = page(client)
    assert listed(found)[0] == "middle"
    assert {*listed(found)} == {*CORRECT, "unvisited"}
    assert "5 of 5 problems" in found.text
    assert re.search(r"middle kind 1 Prompt of middle 0\.\d{3} ✓ 0\.250 100\.0 % 3", found.text)
    assert re.search(r"late kind 1 Prompt of late \u2013 0\.250 50\.0 % 1", found.text)
    assert sum(tag == "polyline" for tag, _ in found.elements) == 3


def test_the_list_is_searched_filtered_and_sorted(client):
    assert listed(page(client, q="HARD")) == ["hard"]
    assert listed(page(client, family="kind 1", sort="id")) == ["late", "middle"]
    assert listed(page(client, accuracy="all", sort="id", reverse="1")) == ["middle", "easy"]
    assert "No problem is as you ask" in page(client, q="no such words").text


def test_the_sorted_column_is_told(client):
    sorts = [attrs for tag, attrs in page(client, sort="id").elements if "aria-sort" in attrs]
    assert [attrs["aria-sort"] for attrs in sorts] == ["ascending"]
    assert "/?sort=id&reverse=1" in page(client, sort="id").links()


def test_the_list_comes_in_pages(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PER_PAGE", 2)
    write_counted(tmp_path)
    client = client_of(tmp_path)
    first, last = page(client, sort="id"), page(client, sort="id", page=3)
    assert (listed(first), listed(last)) == (["easy", "hard"], ["unvisited"])
    assert (first.links(rel="prev"), first.links(rel="next")) == ([], ["/?sort=id&page=2"])
    assert (last.links(rel="prev"), last.links(rel="next")) == (["/?sort=id&page=2"], [])
    assert listed(page(client, sort="id", page=99)) == ["unvisited"]
    assert listed(page(client, sort="id", page=0)) == ["easy", "hard"]


def test_a_problem_shows_what_was_asked_its_curve_and_its_rank(client):
    found = page(client, "/problem", id="middle")
    for text in ("Prompt of middle", "gold answer 7", "family kind 1", "Rank 1 of 3 problems"):
        assert text in found.text
    assert "at or above LIM's threshold of 0.6: LIM would select it" in found.text
    lines = [attrs for tag, attrs in found.elements if tag == "polyline"]
    assert [attrs["class"] for attrs in lines] == ["average", "curve"]
    assert "1 2 50.0 % 50.0 % 0.250" in found.text  # epoch, responses, accuracy, average, reward


def test_why_a_problem_has_no_score_is_told(client):
    late, never = (page(client, "/problem", id=key) for key in ("late", "unvisited"))
    assert "No score: it was not seen in epoch 0, and an epoch takes the reward" in late.text
    assert "No score: the run has not visited it yet" in never.text
    assert "There are no responses yet" in never.text


def test_a_problem_that_selection_would_leave_is_told(client):
    found = page(client, "/problem", id="easy")
    assert "below LIM's threshold of 0.6: LIM would not select it" in found.text


def test_neighbours_are_those_of_the_list(client):
    def neighbours(**args):
        found = page(client, "/problem", **args)
        return found.links(rel="prev"), found.links(rel="next")

    assert neighbours(id="hard", sort="id") == (
        ["/problem?id=easy&sort=id"],
        ["/problem?id=late&sort=id"],
    )
    assert neighbours(id="easy", sort="id")[0] == []
    assert neighbours(id="hard", sort="id", q="hard") == ([], [])
    assert neighbours(id="hard", q="easy") == ([], [])
    assert "2 of 5" in page(client, "/problem", id="hard", sort="id").text


def test_responses_are_shown_by_epoch_with_verdict_and_reason(client):
    found = page(client, "/problem", id="middle")
    assert "6 of 6 responses" in found.text
    parts = re.split(r"Epoch (\d) ", found.text)
    assert parts[-6::2] == ["0", "1", "2"]
    assert parts[-3].startswith("50.0 % of 2 correct correct answer 7 7 tokens so 7 score 1.00")
    assert "wrong answer 8 not equal 7 tokens" in parts[-3]


def test_responses_are_filtered(client):
    found = page(client, "/problem", id="middle", status="wrong")
    assert "3 of 6 responses" in found.text
    assert "correct answer" not in found.text
    assert "2 of 6 responses" in page(client, "/problem", id="middle", epoch="1").text
    found = page(client, "/problem", id="middle", epoch="2", status="wrong")
    assert "0 of 6 responses" in found.text
    assert "No response is as you ask" in found.text


def test_many_responses_come_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RESPONSES_PER_PAGE", 4)
    write_counted(tmp_path)
    client = client_of(tmp_path)
    first, second = (page(client, "/problem", id="middle", part=part) for part in (1, 2))
    texts = [found.text.partition("Responses")[2] for found in (first, second)]
    assert [re.findall(r"Epoch (\d) ", text) for text in texts] == [["0", "1"], ["2"]]
    assert any("part=2" in link for link in first.links())


def test_long_responses_are_folded(tmp_path):
    rows = [row("p"), row("p", sample=1, response="so " * 500, truncated=True)]
    TrajectoryWriter(tmp_path, "run").append(rows, epoch=0, step=0, rank=0)
    found = page(client_of(tmp_path), "/problem", id="p")
    folds = [attrs for tag, attrs in found.elements if attrs.get("class") == "response"]
    assert ["open" in attrs for attrs in folds] == [True, False]
    assert found.text.count("truncated") == 1


def test_a_store_without_texts_says_so(tmp_path):
    rows = [row("p", response=None, response_length=-1, policy_version=-1)]
    TrajectoryWriter(tmp_path, "run").append(rows, epoch=0, step=0, rank=0)
    found = page(client_of(tmp_path), "/problem", id="p")
    assert "The store was written without the responses' texts" in found.text
    assert "The prompt is not in the store" in found.text
    assert not re.search("tokens|updates", found.text)


def test_the_overview_counts_verdicts_and_scores(client):
    found = page(client, "/overview")
    assert "problems seen 4 of 5 responses 20 epochs 3" in found.text
    assert "correct, first epoch 16.7 % correct, last epoch 62.5 %" in found.text
    assert "with a LIM score 3 at or above 0.6 1" in found.text
    assert re.search(r"1 correct: 3 wrong: 3 6 3 3 · · · ·", found.text)
    bars = [attrs for tag, attrs in found.elements if "bar" in attrs.get("class", "")]
    assert sum(float(attrs["height"]) > 0 for attrs in bars) >= 2


def test_a_run_in_its_first_epochs_has_an_overview(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    writer.append([row("a")], epoch=0, step=0, rank=0)
    writer.append([row("a")], epoch=1, step=1, rank=0)
    writer.append([wrong("b")], epoch=2, step=2, rank=0)
    client = client_of(tmp_path)
    assert "with a LIM score 0" in page(client, "/overview").text
    assert "with a LIM score 2" in page(client_of(tmp_path, missing="ignore"), "/overview").text
    assert "2 of 2 problems" in page(client).text


def test_problems_that_the_file_lacks_are_counted(tmp_path):
    write_counted(tmp_path, asked=False)
    write_problems(tmp_path, [Problem(id="easy", prompt="?", answer="1")])
    assert "3 of the problems in the store are not" in page(client_of(tmp_path), "/overview").text


def mischievous(folder):
    problems, rows = [], []
    for number, text in enumerate(MISCHIEF):
        key = f"{number} {text}"
        problems.append(
            Problem(id=key, prompt=text + "?", answer=text, family=f"f{text}", level=text)
        )
        rows.append(wrong(key, answer=text, reason=text or None, response=f"{text} at last"))
    writer = TrajectoryWriter(folder, MISCHIEF[0])
    writer.append(rows, epoch=0, step=0, rank=0)
    write_problems(folder, problems)
    return problems


def test_whatever_a_store_holds_is_shown_as_text(tmp_path):
    problems = mischievous(tmp_path)
    client = client_of(tmp_path)
    everywhere = page(client)
    for problem in problems:
        found = page(client, "/problem", id=problem.id)
        shown = [" ".join(visible(t).split()) for t in (problem.id, problem.prompt, problem.family)]
        for text in shown:
            assert text in found.text
            assert text in everywhere.text
        assert found.text.count(" ".join(visible(problem.prompt[:-1] + " at last").split())) == 1
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", found.text)


def test_links_lead_to_any_problem_and_family(tmp_path):
    problems = mischievous(tmp_path)
    client = client_of(tmp_path)
    links = [link for link in page(client, sort="id").links() if link.startswith("/problem?")]
    assert len(links) == len(problems)
    for link, problem in zip(links, sorted(problems, key=lambda p: p.id), strict=True):
        response = client.get(link, headers=HOST)
        assert response.status_code == 200
        found = Page(response.text)
        assert " ".join(visible(problem.id).split()) in found.text
        (family,) = [link for link in found.links() if link.startswith("/?family=")]
        assert "1 of 10 problems" in Page(client.get(family, headers=HOST).text).text


@pytest.mark.parametrize("text", MISCHIEF)
def test_whatever_an_address_holds_is_shown_as_text(client, text):
    for name in ("q", "family"):
        page(client, **{name: text})
        page(client, "/problem", id="easy", **{name: text})
    for name in ("sort", "accuracy", "page"):
        page(client, code=400, **{name: text})
    page(client, "/problem", 404, id=text)
    page(client, "/problem", 400, id="easy", status=text)
    page(client, "/problem", 400, id="easy", epoch=text)
    page(client, f"/{quote(text)}", 404)


def test_bytes_that_are_no_text_do_no_harm(client):
    for query in ("q=%ff%fe", "id=%ed%a0%80", "%ff=%00", "page=%31"):
        assert client.get(f"/?{query}", headers=HOST).status_code == 200
        assert client.get(f"/problem?{query}", headers=HOST).status_code == 404


def test_addresses_that_lead_nowhere_are_told(client):
    assert "there is no such problem" in page(client, "/problem", 404, id="nobody").text
    page(client, "/problem", 404)
    page(client, "/static/../app.py", 404)
    page(client, "/nowhere", 404)


def test_a_file_that_has_gone_is_told(tmp_path):
    write_counted(tmp_path)
    client = client_of(tmp_path)
    (tmp_path / "step-00000001-rank-00000.parquet").unlink()
    found = page(client, "/problem", 500, id="easy")
    assert "step-00000001-rank-00000.parquet is damaged or cannot be read" in found.text


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", "localhost", "",
     f"127.0.0.1:{PORT}@evil.example", f"localhost.evil.example:{PORT}", "[::1]:8765", "a b"],
)  # fmt: skip
def test_other_hosts_are_refused(client, tmp_path, host):
    for path in ("/", "/problem?id=easy", "/static/style.css", "/nowhere"):
        with client.get(path, headers={"Host": host}) as response:
            assert response.status_code == 403
            assert response.text == "this page answers to http://127.0.0.1:8765 alone\n"


def test_this_machines_own_names_are_answered(client):
    for host in (f"127.0.0.1:{PORT}", f"localhost:{PORT}"):
        assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_the_pages_are_only_read(client, method):
    for path in ("/", "/problem?id=easy", "/static/style.css"):
        assert client.open(path, method=method, headers=HOST).status_code == 405


@pytest.mark.parametrize(
    "path", ["/", "/problem?id=easy", "/nowhere", "/?sort=x", "/static/style.css"]
)
def test_every_answer_is_guarded(client, path):
    with client.get(path, headers=HOST) as response:
        headers = response.headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "script-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_style_asks_for_nothing_from_elsewhere(client):
    with client.get("/static/style.css", headers=HOST) as response:
        assert response.mimetype == "text/css"
        assert "prefers-color-scheme: dark" in response.text
        assert not re.search(r"url\(|@import|//", response.text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[0m\x7f", "a␀b␛[0m␡"),
        ("\x85\u202e\ufeff", "⟨U+0085⟩⟨U+202E⟩⟨U+FEFF⟩"),
        ("a\tb\nc", "a\tb\nc"),
        ("中 é 🎲 \u200d", "中 é 🎲 \u200d"),
    ],
)
def test_unseen_characters_can_be_seen(text, shown):
    assert visible(text) == shown


def test_numbers_are_written_as_people_read_them():
    assert (decimal(-0.5, 2), decimal(float("nan")), percent(0.125)) == (
        "\u22120.50",
        "\u2013",
        "12.5\u202f%",
    )
