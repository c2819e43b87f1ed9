"""A verb's findings as one MLflow run."""

import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

Values = Iterable[tuple[str, float, int]]
"""Names, values and steps of metrics."""


def track(
    verb: str,
    metrics: Values,
    params: Mapping[str, Any],
    files: Iterable[Path],
    *,
    uri: str,
    experiment: str,
    name: str | None = None,
    folder: str,
) -> str:
    """Log one run, tagged by its verb; MLflow's id of it.

    Args:
        verb: The tag.
        metrics: What MLflow shows.
        params: How it was made.
        files: What to keep as artifacts.
        uri: MLflow's database or server.
        experiment: The experiment's name, made when absent.
        name: The run's name; None takes the time.
        folder: The artifacts' folder.
    """
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client = MlflowClient(uri)
    known = client.get_experiment_by_name(experiment)
    files_at = None if uri.startswith("http") else "mlruns"  # a server knows where it keeps files
    experiment_id = known.experiment_id if known else client.create_experiment(experiment, files_at)
    tags = {"verb": verb, "command": " ".join(sys.argv), "version.limr": version("limr")}
    run_name = name or time.strftime("%Y-%m-%d %H:%M:%S")
    run = client.create_run(experiment_id, tags=tags, run_name=run_name)
    status = "FAILED"
    try:
        now = int(time.time() * 1000)
        client.log_batch(
            run.info.run_id,
            [Metric(name, value, now, step) for name, value, step in metrics],
            [Param(name, str(value)) for name, value in params.items()],
        )
        for path in files:
            client.log_artifact(run.info.run_id, str(path), folder)
        status = "FINISHED"
    finally:
        client.set_terminated(run.info.run_id, status)
    return str(run.info.run_id)
