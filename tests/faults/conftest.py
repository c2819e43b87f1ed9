"""A folder for runs, and what the undisturbed run comes to."""

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
from fault_runs import Run, fit

from benchmarks.kills import ROOT, make_empty_database, outcome


@pytest.fixture(scope="session")
def base(tmp_path_factory) -> Path:
    """Holds an empty MLflow database; from here on processes fork off one that has imported all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(Path(__file__).parent)]))
        patch.setenv("OMP_NUM_THREADS", "1")
        multiprocessing.get_context("forkserver").set_forkserver_preload(["fault_runs", "limr.cli"])
        multiprocessing.forkserver.ensure_running()
    folder = tmp_path_factory.mktemp("runs")
    make_empty_database(folder / "empty.db")
    return folder


@pytest.fixture
def folder(base, request) -> Path:
    """Where the test's run goes; not there yet."""
    return base / request.node.name


@pytest.fixture(scope="session")
def undisturbed(base) -> dict[str, Any]:
    """Weights, optimizer state, metrics, rows and responses of the run that nothing happens to."""
    status, printed = Run(base / "undisturbed", fit(base / "undisturbed")).wait()
    assert status == 0, printed
    return outcome(base / "undisturbed")
