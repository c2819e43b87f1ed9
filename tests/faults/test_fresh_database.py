"""Processes that begin at the same moment, before there is an MLflow database."""

import multiprocessing
import sys
from pathlib import Path

import pytest

from limr.tracking import RunLogger

pytestmark = pytest.mark.integration


def begin(database: Path, together) -> None:
    together.wait(60)
    sys.exit(0 if RunLogger(tracking_uri=f"sqlite:///{database}").experiment else 1)


def test_two_processes_make_the_database_and_the_experiment_once(tmp_path, base):
    forkserver = multiprocessing.get_context("forkserver")
    together = forkserver.Barrier(2)
    both = [
        forkserver.Process(target=begin, args=(tmp_path / "mlflow.db", together)) for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
