"""A real Chromium, two real runs and an MLflow server over them."""

import os
import shutil
from pathlib import Path

import pytest
from hostile import log_runs
from mlflow_server import free_port, starting
from study import SHORT, WHOLE, Study, fit_on_all, fit_on_selected

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The variable CHROMIUM, else the first known name on the path."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


@pytest.fixture(scope="session")
def browser():
    from pages import sync_api

    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium: `apt-get install chromium`, or name one in CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        # root, as in a container, has no sandbox; the pages are this machine's own
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Opens pages of limr's own: in the end none has strayed, executed a text or complained."""
    from pages import Visit

    visits: list[Visit] = []

    def open_page(origin, path="", **options):
        visits.append(Visit(browser, origin, **options))
        visits[-1].page.goto(origin + path)
        return visits[-1].page

    yield open_page
    for each in visits:
        each.close()
    for each in visits:
        assert (each.strays, each.intrusions, each.complaints) == ([], [], [])


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """Where they go: LIMR_SCREENSHOTS, as `make screenshots` has it, else nowhere of lasting."""
    return _lasting_screenshots() or tmp_path_factory.mktemp("screenshots")


def _lasting_screenshots() -> Path | None:
    named = os.environ.get("LIMR_SCREENSHOTS")
    return Path(named).resolve() if named else None


@pytest.fixture(scope="session")
def study(browser, tmp_path_factory):
    """Two runs and an MLflow server over them; whole quickstarts where screenshots are to last."""
    folder, port = tmp_path_factory.mktemp("study"), free_port()
    size = WHOLE if _lasting_screenshots() else SHORT
    fit_on_all(folder, size)
    with starting(folder, port) as answers:  # slowly, over that run's database
        fit_on_selected(folder, size)
        answers()
        yield Study(folder, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def hostile_runs(study, tmp_path_factory):
    """The id of an experiment named `hostile`, in which every text is."""
    return log_runs(study.url, "hostile", tmp_path_factory.mktemp("files"))
