"""How metrics and files get into an MLflow run, each so that a second time changes nothing."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

from limr.tracking.outbox import is_absence

_MAX_METRICS = 1000
"""MLflow's limit for one request."""

_log = logging.getLogger("lightning.pytorch.utilities.rank_zero")


def deliver_metrics(client: MlflowClient, run_id: str, rows: Sequence[Sequence[Any]]) -> None:
    """Log metrics, each (name, value, time in ms, step): MLflow keeps such a row once.

    Raises:
        MlflowException: If MLflow is gone or refuses them.
    """
    metrics = [Metric(*row) for row in rows]
    for start in range(0, len(metrics), _MAX_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + _MAX_METRICS])


def deliver_file(client: MlflowClient, run_id: str, row: dict[str, Any]) -> None:
    """Upload the file `path` into the artifact folder `folder`; with `table` the UI shows a table.

    A file that is gone or that MLflow refuses is a warning: the run does not depend on the copy.

    Raises:
        MlflowException: If MLflow, or the store of its artifacts, is gone.
    """
    path, folder = Path(row["path"]), row["folder"]
    if not path.is_file():
        _log.warning(f"{path} is gone: MLflow's run {run_id} does not get it")
        return
    try:
        client.log_artifact(run_id, str(path), folder or None)
        if row["table"]:
            _show_as_table(client, run_id, f"{folder}/{path.name}" if folder else path.name)
    except Exception as error:  # stores of artifacts have their own kinds
        if is_absence(error):
            raise MlflowException(str(error)) from error
        _log.warning(f"{path}: MLflow does not take it ({error})")


def _show_as_table(client: MlflowClient, run_id: str, artifact: str) -> None:
    """Name an artifact in the tag that the UI looks at, in place of the oldest if it is full.

    `MlflowClient.log_table` does so, too, but downloads and rewrites what has that name.
    """
    tables = json.loads(client.get_run(run_id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
    table = {"path": artifact, "type": "table"}
    if table in tables:
        return
    tables.append(table)
    while len(json.dumps(tables)) > MAX_TAG_VAL_LENGTH:  # MLflow would cut it in mid-name
        tables.pop(0)
    client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps(tables))
