"""`limr browse`, over a real run's trajectories and over a store full of hostile texts."""

import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from hostile import HOSTILE, write_store
from pages import PHONE, check_that_no_script_gets_in, expect, fits_its_width
from study import environment

from limr.trajectories import read_trajectories

pytestmark = pytest.mark.browser

STORE = "runs/full/trajectories"


@contextmanager
def browsing(folder, store):
    """The address of a server over a store in a folder."""
    command = [sys.executable, "-m", "limr", "browse", store, "--port=0"]
    server = subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        printed = [server.stdout.readline(), server.stdout.readline()]
        assert printed[1], "the server has ended"
        yield printed[1].split()[0]
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


@pytest.fixture(scope="module")
def site(study):
    with browsing(study.folder, STORE) as url:
        yield url


@pytest.fixture(scope="module")
def rows(study):
    """Every response of the run."""
    return read_trajectories(study.folder / STORE).to_pylist()


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    write_store(folder / "store")
    with browsing(folder, "store") as url:
        yield url


def problem_links(page):
    return page.get_by_role("table").get_by_role("rowheader").get_by_role("link")


def column(page, name):
    """A column's numbers, from the top."""
    page.wait_for_load_state()
    cells = page.locator(f"td[data-name='{name}']").all_inner_texts()
    return [float(cell.strip(" ✓%\u202f").replace("\u2212", "-")) for cell in cells]


def test_the_list_is_searched_and_sorted(visit, site, rows, screenshots):
    page = visit(site)
    problems = {row["problem_id"] for row in rows}
    expect(page.get_by_text(f"{len(problems)} of {len(problems)} problems")).to_be_visible()
    page.screenshot(path=screenshots / "browse-list.png")
    page.get_by_role("link", name="mean reward").click()
    header = page.get_by_role("columnheader", name="mean reward")
    expect(header).to_have_attribute("aria-sort", "descending")
    falling = column(page, "mean reward")
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > falling[-1]
    header.get_by_role("link").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    rising = column(page, "mean reward")
    assert rising == sorted(rising)

    wanted = rows[0]["problem_id"]
    page.get_by_role("searchbox").fill(wanted)
    page.get_by_role("searchbox").press("Enter")
    expect(problem_links(page).filter(has_text=wanted)).to_be_visible()


def test_a_problem_shows_its_responses_by_verdict_and_leads_to_its_neighbours(
    visit, site, rows, screenshots
):
    page = visit(site)
    names = problem_links(page).all_inner_texts()
    problem_links(page).nth(1).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(names[1])
    page.screenshot(path=screenshots / "browse-problem.png")
    verdicts = Counter(row["status"] for row in rows if row["problem_id"] == names[1])
    for verdict, count in verdicts.items():
        page.get_by_label("Verdict").select_option(verdict)
        page.get_by_role("button", name="Show").click()
        shown = f"{count} of {verdicts.total()} responses"
        expect(page.get_by_text(shown)).to_be_visible()
        page.wait_for_load_state()
        badges = page.locator("details.response summary .badge:first-child")
        assert badges.all_inner_texts() == [verdict] * count
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(names[2])
    for name in (names[1], names[0]):
        page.get_by_role("link", name="Previous").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)


def pages_of(visit, site, **options):
    """The list, the overview and the first problem, one after the other."""
    page = visit(site, **options)
    yield page
    page.get_by_role("link", name="Overview").click()
    page.wait_for_url("**/overview")
    yield page
    page.get_by_role("link", name="Problems").click()
    page.wait_for_url("**/")
    problem_links(page).first.click()
    page.wait_for_url("**/problem?*")
    yield page


def test_no_page_is_wider_than_a_phone(visit, site):
    for page in pages_of(visit, site, viewport=PHONE):
        assert fits_its_width(page), page.url


def test_pages_are_light_or_dark_as_the_person_has_it(visit, site):
    def background(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    for light, dark in zip(
        pages_of(visit, site, color_scheme="light"),
        pages_of(visit, site, color_scheme="dark"),
        strict=True,
    ):
        assert background(light) != background(dark)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_texts(visit, hostile_site, text):
    page = visit(hostile_site, viewport=PHONE)
    expect(problem_links(page)).to_have_count(len(HOSTILE))
    page.get_by_role("searchbox").fill(text)
    page.get_by_label("Family").select_option(text)
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("searchbox")).to_have_value(text)
    expect(problem_links(page)).to_have_text([text])
    problem_links(page).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    expect(page).to_have_title(f"{text} · limr browse")
    expect(page.locator("pre")).to_have_text([text] * 7)  # the prompt, and 6 responses
    assert fits_its_width(page)
    page.get_by_role("link", name="Overview").click()
    page.wait_for_url("**/overview")
    assert fits_its_width(page)


def test_a_script_that_got_in_would_not_run(browser, site):
    check_that_no_script_gets_in(browser, site)
