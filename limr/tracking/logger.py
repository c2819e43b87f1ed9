"""MLflow in one local file, where a run's status says how the run really ended."""

import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import cast

from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException
from mlflow import MlflowClient, MlflowException

from limr.files import one_at_a_time
from limr.tracking.deliveries import deliver_file, deliver_metrics
from limr.tracking.outbox import Outbox, is_absence
from limr.tracking.study import join_study

_log = logging.getLogger("lightning.pytorch.utilities.rank_zero")


class RunLogger(MLFlowLogger):
    """Lightning's MLflow logger with a database that works everywhere, and honest run statuses.

    Lightning marks every run that did not finish as failed. Here a run stopped by a person or by
    the machine (Ctrl-C, SIGTERM) ends as ``KILLED`` and only one that raised ends as ``FAILED``. A
    run that was given no chance to say goodbye (SIGKILL, power) stays ``RUNNING``.

    While MLflow is gone the run goes on; metrics and the names of files wait on disk, see `Outbox`.
    Against a server requests are given up within seconds, unless MLflow's own environment variables
    (MLFLOW_HTTP_REQUEST_TIMEOUT, MLFLOW_HTTP_REQUEST_MAX_RETRIES) say otherwise.

    A value that MLflow has for this step already, logged by a validation at the same step or before
    a resume, is not sent again: the UI's charts of one metric over another pair two histories by
    position, so that a repeated step would shift all later ones.

    Args:
        experiment_name: MLflow experiment, created when absent.
        run_name: Name of the run; None takes the time it started. (MLflow would draw a name from
            the global random generator, so that all runs of one seed were namesakes.)
        tracking_uri: Where MLflow keeps metrics. Its plain folders are deprecated, hence sqlite.
        artifact_location: Where a new experiment keeps files; None is `mlruns` beside a database,
            and a server's own place. An existing experiment keeps its own.
        tags: Further tags of the run.
        run_id: An existing run to go on with; None starts a new one.
        outbox: Folder of what waits for MLflow.
        study: Name of the runs that this one belongs to: a new run becomes the child of one parent
            run of that name in the experiment, made by whoever comes first.
    """

    def __init__(
        self,
        experiment_name: str = "limr",
        run_name: str | None = None,
        tracking_uri: str = "sqlite:///mlflow.db",
        artifact_location: str | None = None,
        tags: dict[str, str] | None = None,
        run_id: str | None = None,
        outbox: str = "mlflow-outbox",
        study: str | None = None,
    ) -> None:
        if serves := tracking_uri.startswith("http"):
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        with alone_with(tracking_uri):
            super().__init__(
                experiment_name=experiment_name,
                run_name=run_name or time.strftime("%Y-%m-%d %H:%M:%S"),
                tracking_uri=tracking_uri,
                artifact_location=artifact_location or (None if serves else "mlruns"),
                tags=tags,
                run_id=run_id,
            )
        self.study = study
        client, folder = self._mlflow_client, Path(outbox)
        self.outbox = Outbox(folder, tracking_uri, "metrics", partial(deliver_metrics, client))
        self.files = Outbox(folder, tracking_uri, "files", partial(deliver_file, client))
        self._sent: dict[tuple[str, int], float] = {}

    @property
    def experiment(self) -> MlflowClient:
        """The client; the first call makes experiment and run, and sends what earlier runs left.

        Raises:
            ValueError: If MLflow does not answer that first call.
        """
        if self._initialized or rank_zero_only.rank:  # type: ignore[attr-defined]
            return cast(MlflowClient, super().experiment)
        new = self._run_id is None
        try:
            with alone_with(self._tracking_uri):
                client = cast(MlflowClient, super().experiment)
            if new and self.study:
                with alone_with(self._tracking_uri, or_in=self.outbox.folder):
                    join_study(client, str(self._experiment_id), str(self._run_id), self.study)
        except MlflowException as error:
            if not is_absence(error):
                raise
            raise ValueError(
                f"logger: MLflow at {self._tracking_uri} does not answer ({error}); start it or "
                "set another tracking_uri"
            ) from error
        self.outbox.replay_left()
        self.files.replay_left()
        return client

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send one step's metrics, or keep them until MLflow answers again."""
        at, now = step or 0, int(time.time() * 1000)
        values = {(name, at): float(value) for name, value in metrics.items()}
        fresh = {key: value for key, value in values.items() if self._sent.get(key) != value}
        later = {key: value for key, value in self._sent.items() if key[1] >= at}
        self._sent = later | fresh
        assert self.run_id is not None
        if fresh:
            rows = [(name, value, now, at) for (name, _), value in fresh.items()]
            self.outbox.send(self.run_id, rows)
        if not self.outbox.waits:
            self.files.flush(self.run_id)

    @rank_zero_only
    def log_file(self, path: str | Path, folder: str, *, table: bool = False) -> None:
        """Upload a file as the artifact `folder/NAME`, or keep its name until MLflow answers again.

        Args:
            path: Stays where it is: what waits is read when its turn comes. A file that is gone by
                then, or that MLflow refuses, is a warning.
            folder: Folder among the run's artifacts; empty for none.
            table: Let the UI show it as a table; it must be JSON with `columns` and `data`, as
                pandas' `to_json(orient="split")` writes it.

        Raises:
            ValueError: If a table is not JSON, the only kind that the UI shows.
        """
        if table and Path(path).suffix != ".json":
            raise ValueError(f"MLflow shows tables of .json files only, not {path}")
        row = {"path": str(Path(path).resolve()), "folder": folder, "table": table}
        assert self.run_id is not None
        if self.outbox.waits:
            self.files.keep(self.run_id, row)  # to try again would hold the run up a second time
        else:
            self.files.send(self.run_id, row)

    @rank_zero_only
    def go_on_with(self, run_id: str) -> None:
        """Log into an earlier run, which is running again; a `run_id` of the YAML has precedence.

        Raises:
            ValueError: If MLflow does not have that run.
        """
        self._run_id = self._run_id or run_id
        try:
            self.experiment.update_run(self._run_id, status="RUNNING")
            self._sent = values_of(self.experiment, self._run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise ValueError(
                f"MLflow has no run {self._run_id} in {self._tracking_uri}, in which the "
                "checkpoint's run was logged; set the logger's tracking_uri to where it is"
            ) from error

    @rank_zero_only
    def finalize(self, status: str = "success") -> None:
        """Set the run's final status; Lightning calls this while the exception is being handled."""
        stopped = isinstance(sys.exc_info()[1], KeyboardInterrupt | SIGTERMException)
        if not self._initialized or self._run_id is None:
            return
        if self.outbox.flush(self._run_id, now=True):
            self.files.flush(self._run_id, now=True)
        self.outbox.close()
        self.files.close()
        try:
            super().finalize("KILLED" if status == "failed" and stopped else status)
        except MlflowException as error:
            if not is_absence(error):
                raise
            _log.warning(
                f"MLflow at {self._tracking_uri} is gone; this run stays RUNNING there, what waits "
                f"in {self.outbox.folder} is sent when the next run starts"
            )


def values_of(client: MlflowClient, run_id: str) -> dict[tuple[str, int], float]:
    """The last value of each metric at each step of a run."""
    names = client.get_run(run_id).data.metrics
    histories = [client.get_metric_history(run_id, name) for name in names]
    metrics = sorted((m for history in histories for m in history), key=lambda m: m.timestamp)
    return {(m.key, m.step): m.value for m in metrics}


def alone_with(tracking_uri: str, *, or_in: Path | None = None) -> AbstractContextManager[None]:
    """Keep other processes (a run's ranks, a sweep's runs) away from a sqlite file meanwhile.

    MLflow makes a new file's tables, and an experiment, by steps that fail where two processes take
    them at once.

    Args:
        tracking_uri: Where MLflow is.
        or_in: Where it is no sqlite file, keep those away that name this folder, by the lock file
            beside it.
    """
    file = re.match(r"sqlite:///([^?:]+)", tracking_uri)
    path = Path(file[1]) if file else or_in
    return one_at_a_time(path.with_name(f"{path.name}.lock")) if path else nullcontext()
