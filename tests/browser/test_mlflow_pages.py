"""MLflow's own pages over two runs of `limr fit`: on all problems, and on a selection."""

import re

import pytest
from mlflow import MlflowClient
from pages import Visit, expect
from study import EXPERIMENT

pytestmark = pytest.mark.browser

ACCURACY = "val/validation/accuracy"


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
    assert visit.strays == []


def open_runs(page, study, runs):
    """The experiment's table of training runs."""
    experiment = runs["full"].info.experiment_id
    page.goto(f"{study.url}/#/experiments/{experiment}/runs?workflowType=machine_learning")
    expect(page.get_by_role("link", name="full", exact=True)).to_be_visible()
    close_the_assistant(page)
    search = page.get_by_role("combobox", name="metrics.rmse")
    search.fill("tags.verb = 'fit'")
    search.press("Enter")
    expect(page.get_by_text("2 matching runs")).to_be_visible()


def close_the_assistant(page):
    """The panel that opens by itself on the first visit."""
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Toggle sidebar").click()


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
    page.locator("label:has(input[value=CHART])").click()
    charts = page.get_by_role("searchbox", name="Search metric charts")
    charts.fill("validation/(accuracy|format_rate|response_length)$")
    expect(page.get_by_role("heading", name=ACCURACY, exact=True)).to_be_visible()
    for name in runs:
        expect(page.get_by_text(f"{name} ({ACCURACY})")).to_be_visible()
    page.screenshot(path=screenshots / "mlflow-charts.png")


def test_a_run_has_its_configuration(page, study, runs):
    run = runs["lim"].info
    page.goto(f"{study.url}/#/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts")
    page.get_by_role("listitem").filter(has_text="config.yaml").click()
    expect(page.get_by_text("ids_file: lim.jsonl")).to_be_visible()
