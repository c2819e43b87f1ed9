"""MLflow's own pages over two runs of `limr fit`: on all problems, and on a selection."""

import re

import pytest
from hostile import HOSTILE
from mlflow import MlflowClient
from pages import Visit, expect
from pyarrow.parquet import read_table
from study import EXPERIMENT

pytestmark = pytest.mark.browser

ACCURACY = "val/validation/accuracy"
COST = "progress/tokens"
FIRST_RESPONSES = "fit-validation-step000000.parquet"


@pytest.fixture(scope="module")
def runs(study):
    """The two runs by name."""
    client = MlflowClient(study.url)
    (experiment,) = client.search_experiments(filter_string=f"name = '{EXPERIMENT}'")
    found = client.search_runs([experiment.experiment_id], "tags.verb = 'fit'")
    return {run.info.run_name: run for run in found}


@pytest.fixture
def page(browser, study):
    """Never leaves the server; what MLflow's pages complain of is theirs."""
    visit = Visit(browser, study.url)
    yield visit.page
    visit.close()
    assert (visit.strays, visit.intrusions) == ([], [])


def open_experiment(page, study, experiment_id, run_name):
    """The experiment's table of runs, without the panels at its sides."""
    page.goto(f"{study.url}/#/experiments/{experiment_id}/runs?workflowType=machine_learning")
    expect(page.get_by_role("link", name=run_name, exact=True)).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()  # an assistant, which came unasked
    page.get_by_role("button", name="Toggle sidebar").click()


def open_runs(page, study, runs):
    """The table of the two runs."""
    open_experiment(page, study, runs["full"].info.experiment_id, "full")
    search = page.get_by_role("combobox", name="metrics.rmse")
    search.fill("tags.verb = 'fit'")
    search.press("Enter")
    expect(page.get_by_text("2 matching runs")).to_be_visible()


def switch_to(page, view):
    """The buttons above the runs: TABLE, CHART or ARTIFACT."""
    page.locator(f"label:has(input[value={view}])").click()


def change_columns(page, *names):
    """Show those that are hidden, hide those that are shown."""
    page.get_by_role("button", name="Columns").click()
    menu = page.get_by_role("dialog")
    for name in names:
        menu.get_by_text(name, exact=True).click()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def metric_of_both(page, name):
    """Two numbers from the compare page's table of metrics, which holds only the rows in sight."""
    names, values = page.get_by_role("grid").all()
    values.hover()
    page.mouse.wheel(0, 10_000)
    page.wait_for_function("table => table.scrollTop > 0", arg=values.element_handle())
    page.mouse.wheel(0, -1)  # the names are always one turn of the wheel behind
    row = names.get_by_role("link", name=name, exact=True)
    expect(row).to_be_in_viewport()
    middle = middle_of(row)
    cells = values.get_by_text(re.compile(".")).all()
    return [float(cell.inner_text()) for cell in cells if abs(middle_of(cell) - middle) < 10]


def middle_of(element):
    box = element.bounding_box()
    return box["y"] + box["height"] / 2


def test_a_full_and_a_selected_run_are_compared(page, study, runs, screenshots):
    open_runs(page, study, runs)
    expect(page.get_by_role("button", name="GeneratedProblems").first).to_be_visible()
    change_columns(page, "Source", "Models", "arm", "data.problems", ACCURACY)
    for name in ("full", "lim"):
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))
        row.get_by_role("checkbox", name="toggle row selection").check()
    page.screenshot(path=screenshots / "mlflow-runs.png")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="Comparing 2 Runs from 1 Experiment")).to_be_visible()
    expect(page.get_by_role("row", name="Run Name: full lim")).to_be_visible()
    expect(page.get_by_role("row", name="arm full lim", exact=True)).to_be_visible()
    page.get_by_role("button", name="Visualizations").click()
    page.get_by_role("button", name="Parameters").click()
    shown = metric_of_both(page, ACCURACY)
    page.screenshot(path=screenshots / "mlflow-compare.png")
    known = [runs[name].data.metrics[ACCURACY] for name in ("full", "lim")]
    assert shown == pytest.approx(known, abs=1e-3)  # shown to three digits


def test_the_charts_hold_both_runs(page, study, runs, screenshots):
    open_runs(page, study, runs)
    switch_to(page, "CHART")
    charts = page.get_by_role("searchbox", name="Search metric charts")
    charts.fill("validation/(accuracy|format_rate|response_length)$")
    expect(page.get_by_role("heading", name=ACCURACY, exact=True)).to_be_visible()
    for name in runs:
        expect(page.get_by_text(f"{name} ({ACCURACY})")).to_be_visible()
    expect(page.get_by_text("Step", exact=True)).to_have_count(3)
    page.get_by_role("button", name="Configure charts").click()
    # by keys: the menu's second part goes when the mouse leaves the first
    page.get_by_role("menuitem", name="Metric").press("ArrowRight")
    page.get_by_role("menuitemcheckbox", name=COST).press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(page.get_by_text(COST, exact=True)).to_have_count(3)
    page.screenshot(path=screenshots / "mlflow-charts.png")


def test_a_run_has_its_configuration_and_its_responses(page, study, runs):
    run = runs["lim"].info
    page.goto(f"{study.url}/#/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts")
    page.get_by_role("listitem").filter(has_text="config.yaml").click()
    expect(page.get_by_text("ids_file: lim.jsonl")).to_be_visible()
    page.get_by_text("responses", exact=True).click()
    expect(page.get_by_text(FIRST_RESPONSES)).to_be_visible()


def test_responses_of_both_runs_stand_side_by_side(page, study, runs):
    open_runs(page, study, runs)
    switch_to(page, "ARTIFACT")
    expect(page.get_by_role("combobox").filter(has_text="Compare: response")).to_be_visible()
    table = page.get_by_role("grid").last
    for name in runs:
        expect(table.get_by_role("columnheader").filter(has_text=name)).to_be_visible()
    first = read_table(study.folder / f"runs/full/responses/{FIRST_RESPONSES}").slice(length=1)
    (known,) = first.to_pylist()
    row = table.get_by_role("row").filter(has_text=known["problem_id"])
    expect(row.get_by_role("gridcell", name=known["response"], exact=True)).to_have_count(2)


def test_hostile_texts_are_texts(page, study, hostile_runs):
    open_experiment(page, study, hostile_runs, HOSTILE[0])
    switch_to(page, "ARTIFACT")
    table = page.get_by_role("grid").last
    for text in HOSTILE:
        expect(table.get_by_role("gridcell", name=text, exact=True)).to_have_count(3)
