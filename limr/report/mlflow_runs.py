"""Runs as MLflow has them, from a database on this machine or from a server."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from limr.report.runs import (
    AMOUNTS,
    CURVES,
    FIT_FILES,
    RESPONSES,
    Found,
    Run,
    Series,
    read_measurements,
)
from limr.trajectories import StepFiles

_AT_ONCE = 8
"""Requests to MLflow at the same time."""


def read_mlflow_runs(
    uri: str,
    downloads: Path,
    *,
    experiment: str | None = None,
    filter_string: str = "",
    run_ids: Sequence[str] = (),
) -> Found:
    """Runs of `limr fit` with their evaluation responses, training curves and progress.

    Args:
        uri: MLflow's database or server.
        downloads: Folder for the response files of a server; files on this machine are read where
            they lie.
        experiment: Take the runs of this experiment; other verbs' runs are passed over.
        filter_string: Of these, only those that MLflow's search finds by this filter.
        run_ids: In place of an experiment, these runs.

    Raises:
        ValueError: If there is no such experiment or run, MLflow does not answer, or a run holds
            what cannot be read.
    """
    with mlflow_client(uri) as client:
        if run_ids:
            found = [_run_by_id(client, run_id) for run_id in run_ids]
        else:
            found = _search(client, uri, experiment or "", filter_string)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            runs = list(pool.map(lambda run: _read(client, run, downloads), found))
    notes = [
        f"run {run.name!r} is left out: no evaluation responses ({RESPONSES}/{FIT_FILES}) are "
        "among its artifacts"
        for run in runs
        if not run.measured
    ]
    return Found([run for run in runs if run.measured], notes)


@contextmanager
def mlflow_client(uri: str) -> Iterator[Any]:
    """A client; what MLflow raises meanwhile becomes one message.

    Raises:
        ValueError: If the database does not exist, or MLflow does not answer or refuses.
    """
    file = re.match(r"sqlite:///([^?:]+)", uri)
    if file and not Path(file[1]).is_file():
        raise ValueError(f"no MLflow database {file[1]}; set --tracking_uri")
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    from mlflow import MlflowClient, MlflowException

    try:
        yield MlflowClient(uri)
    except MlflowException as error:
        raise ValueError(f"MLflow at {uri}: {str(error).splitlines()[0]}") from error


def _run_by_id(client: Any, run_id: str) -> Any:
    run = client.get_run(run_id)
    if (verb := run.data.tags.get("verb")) != "fit":
        raise ValueError(
            f"--runs: {run_id} is no run of limr fit but of {verb or 'something else'}"
        )
    return run


def _search(client: Any, uri: str, experiment: str, filter_string: str) -> list[Any]:
    known = client.get_experiment_by_name(experiment)
    if known is None:
        names = sorted(one.name for one in client.search_experiments())
        raise ValueError(f"no experiment {experiment!r} in {uri}; there are {', '.join(names)}")
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs([known.experiment_id], filter_string, page_token=token)
        found += [run for run in page if run.data.tags.get("verb") == "fit"]
        token = page.token
        if not token:
            break
    if not found:
        which = f" that match {filter_string!r}" if filter_string else ""
        raise ValueError(f"experiment {experiment!r} in {uri} has no runs of limr fit{which}")
    return found


def _read(client: Any, run: Any, downloads: Path) -> Run:
    info, data = run.info, run.data
    seed = data.tags.get("seed", "")
    series = {
        name: _series(client, info.run_id, name)
        for name in (*CURVES, *(f"progress/{what}" for what in AMOUNTS))
        if name in data.metrics
    }
    return Run(
        id=info.run_id,
        name=info.run_name,
        arm=data.tags.get("arm") or info.run_name,
        seed="" if seed == "unset" else seed,
        status=info.status,
        started=float(info.start_time or 0),
        measured=read_measurements(_response_files(client, info, downloads)),
        curves={name: series[name] for name in CURVES if name in series},
        progress={
            what: series[f"progress/{what}"] for what in AMOUNTS if f"progress/{what}" in series
        },
        trajectories=_own_store(data.tags.get("trajectories", ""), info.run_id),
    )


def _series(client: Any, run_id: str, name: str) -> Series:
    """A metric by step; of a step that was logged twice, by a resumed run, the later value."""
    history = sorted(client.get_metric_history(run_id, name), key=lambda m: (m.step, m.timestamp))
    return {metric.step: metric.value for metric in history}


def _response_files(client: Any, info: Any, downloads: Path) -> list[Path]:
    if not client.list_artifacts(info.run_id, RESPONSES):
        return []
    if urlparse(info.artifact_uri).scheme in ("", "file"):
        folder = client.download_artifacts(info.run_id, RESPONSES)
    else:
        target = downloads / info.run_id
        target.mkdir(parents=True)
        folder = client.download_artifacts(info.run_id, RESPONSES, str(target))
    return sorted(Path(folder).glob(FIT_FILES))


def _own_store(address: str, run_id: str) -> str | None:
    """The address, if it leads to this run's trajectories here: a folder may be another's now."""
    if urlparse(address).scheme not in ("", "file"):
        return None
    files = StepFiles(address)
    try:
        owners = [files.read(path, ["run_id"]).column("run_id") for path in files.paths()[:1]]
    except ValueError:
        return None
    return address if owners and run_id in owners[0].to_pylist() else None


def experiment_of(uri: str, run_id: str) -> str:
    """Name of the experiment that a run belongs to.

    Raises:
        ValueError: If MLflow does not answer or has no such run.
    """
    with mlflow_client(uri) as client:
        experiment_id = client.get_run(run_id).info.experiment_id
        return str(client.get_experiment(experiment_id).name)
