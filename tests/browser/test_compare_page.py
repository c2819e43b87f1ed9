"""The page of `limr compare`, opened as a file: of two real runs, and of hostile texts."""

import re

import pytest
from hostile import HOSTILE
from pages import PHONE, check_that_no_script_gets_in, expect, fits_its_width
from study import EXPERIMENT, limr

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(study):
    """The address of a page about the two runs."""
    limr(
        study.folder, "compare", f"--experiment={EXPERIMENT}", "--filter=tags.verb = 'fit'",
        f"--tracking_uri={study.url}", "--output=report", "--no_log",
    )  # fmt: skip
    return (study.folder / "report/index.html").as_uri()


@pytest.fixture(scope="module")
def hostile_report(study, hostile_runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    limr(
        folder, "compare", "--experiment=hostile", f"--tracking_uri={study.url}", "--output=report",
        f"--baseline={HOSTILE[0]}",
    )  # fmt: skip
    return (folder / "report/index.html").as_uri()


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def results(page, benchmark="validation"):
    """A benchmark's table of arms."""
    return page.get_by_role("region", name=benchmark, exact=True).get_by_role("table")


def test_it_needs_nothing_but_itself(visit, report, screenshots):
    page = visit(report, offline=True)
    for benchmark in ("validation", "unseen"):
        expect(
            results(page, benchmark).get_by_role("cell", name="full", exact=True)
        ).to_be_visible()
        expect(results(page, benchmark).get_by_role("cell", name="lim", exact=True)).to_be_visible()
    pictures = page.get_by_role("img")
    assert pictures.count() >= 5
    for picture in pictures.all():
        assert picture.get_attribute("alt")
        assert picture.evaluate("img => img.decode().then(() => img.naturalWidth)") > 0
    page.screenshot(path=screenshots / "compare.png")


def test_a_click_on_a_head_sorts(visit, report):
    page = visit(report)
    head = results(page).get_by_role("columnheader", name="accuracy")
    place = results(page).get_by_role("columnheader").all_inner_texts().index(head.inner_text())

    def column():
        cells = results(page).locator(f"tbody td:nth-child({place + 1})")
        return cells.evaluate_all("cells => cells.map(cell => Number(cell.dataset.value))")

    expect(head).not_to_have_attribute("aria-sort", re.compile("."))
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    rising = column()
    assert rising == sorted(rising)
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert column() == rising[::-1]

    by_name = results(page).get_by_role("columnheader", name="arm")
    by_name.get_by_role("button").click()
    expect(by_name).to_have_attribute("aria-sort", "ascending")
    expect(head).not_to_have_attribute("aria-sort", re.compile("."))
    assert results(page).locator("tbody td:first-child").all_inner_texts() == ["full", "lim"]


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_it_is_light_or_dark_as_the_person_has_it_or_asks(visit, report, scheme, other):
    page, opposite = (visit(report, color_scheme=name) for name in (scheme, other))
    first = background(page)
    assert first != background(opposite)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert background(page) == background(opposite)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert background(page) == first


def test_it_fits_a_phone(visit, report, screenshots):
    page = visit(report, viewport=PHONE, color_scheme="dark")
    assert fits_its_width(page)
    for box in page.locator(".scroll").all():
        right = box.evaluate("box => box.getBoundingClientRect().right")
        assert right <= PHONE["width"]
    page.screenshot(path=screenshots / "compare-dark-phone.png")


def test_examples_are_searched(visit, report):
    page = visit(report)
    examples = page.get_by_role("article")
    everything = examples.count()
    prompt = examples.last.locator(".prompt").inner_text()
    page.get_by_role("searchbox").fill(prompt)
    alike = page.get_by_role("article").filter(has_text=prompt)
    expect(alike.first).to_be_visible()
    shown = [each.inner_text() for each in examples.all() if each.is_visible()]
    assert 0 < len(shown) < everything
    assert all(word in text for text in shown for word in prompt.split())
    expect(page.get_by_text(f"{len(shown)} of {everything}", exact=True)).to_be_visible()
    page.get_by_role("searchbox").fill("no response says this")
    expect(page.get_by_text(f"0 of {everything}", exact=True)).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(page.get_by_text(f"{everything} of {everything}", exact=True)).to_be_visible()


def test_hostile_texts_are_texts(visit, hostile_report):
    page = visit(hostile_report, viewport=PHONE)
    names = results(page, HOSTILE[0]).locator("tbody td:first-child")
    expect(names).to_have_text(HOSTILE[:2])
    expect(page.get_by_role("article")).to_have_count(len(HOSTILE))
    for text in HOSTILE:
        page.get_by_role("searchbox").fill(text)
        prompt = page.locator(".prompt").filter(has_text=text)
        example = page.get_by_role("article").filter(has=prompt)
        expect(example.locator("pre")).to_have_text([text] * 4)  # the prompt, and 3 responses
    assert fits_its_width(page)


def test_a_script_that_got_in_would_not_run(browser, report):
    check_that_no_script_gets_in(browser, report)
