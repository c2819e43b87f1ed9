"""Processes that begin at the same moment, before there is an MLflow database."""

import multiprocessing
import sys
from collections import Counter
from pathlib import Path

import pytest
from mlflow import MlflowClient

from limr.tracking import RunLogger

pytestmark = pytest.mark.integration


def begin(database: Path, together) -> None:
    together.wait(60)
    logger = RunLogger(tracking_uri=f"sqlite:///{database}", study="sweep")
    sys.exit(0 if logger.experiment else 1)


def test_two_processes_make_the_database_the_experiment_and_the_study_once(tmp_path, base):
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
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'limr'")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = (run.info.run_id for run in runs if run.data.tags.get("role") == "study")
    parents = Counter(run.data.tags.get("mlflow.parentRunId") for run in runs)
    assert parents == {None: 1, parent: 2}
