"""MLflow in one local file, where a run's status says how the run really ended."""

import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import cast

from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException
from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric

from limr.files import one_at_a_time
from limr.tracking.outbox import Outbox, is_absence

_log = logging.getLogger("lightning.pytorch.utilities.rank_zero")


class RunLogger(MLFlowLogger):
    """Lightning's MLflow logger with a database that works everywhere, and honest run statuses.

    Lightning marks every run that did not finish as failed. Here a run stopped by a person or by
    the machine (Ctrl-C, SIGTERM) ends as ``KILLED`` and only one that raised ends as ``FAILED``. A
    run that was given no chance to say goodbye (SIGKILL, power) stays ``RUNNING``.

    While MLflow is gone the run goes on and its metrics wait in files, see `Outbox`. Against a
    server requests are given up within seconds, unless MLflow's own environment variables
    (MLFLOW_HTTP_REQUEST_TIMEOUT, MLFLOW_HTTP_REQUEST_MAX_RETRIES) say otherwise.

    Args:
        experiment_name: MLflow experiment, created when absent.
        run_name: Name of the run; None takes the time it started. (MLflow would draw a name from
            the global random generator, so that all runs of one seed were namesakes.)
        tracking_uri: Where MLflow keeps metrics. Its plain folders are deprecated, hence sqlite.
        artifact_location: Where a new experiment keeps files. An existing experiment keeps its own.
        tags: Further tags of the run.
        run_id: An existing run to go on with; None starts a new one.
        outbox: Folder of the metrics that wait for MLflow.
    """

    def __init__(
        self,
        experiment_name: str = "limr",
        run_name: str | None = None,
        tracking_uri: str = "sqlite:///mlflow.db",
        artifact_location: str = "mlruns",
        tags: dict[str, str] | None = None,
        run_id: str | None = None,
        outbox: str = "mlflow-outbox",
    ) -> None:
        if tracking_uri.startswith("http"):
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        with alone_with(tracking_uri):
            super().__init__(
                experiment_name=experiment_name,
                run_name=run_name or time.strftime("%Y-%m-%d %H:%M:%S"),
                tracking_uri=tracking_uri,
                artifact_location=artifact_location,
                tags=tags,
                run_id=run_id,
            )
        self.outbox = Outbox(Path(outbox), self._mlflow_client, tracking_uri)

    @property
    def experiment(self) -> MlflowClient:
        """The client; the first call makes experiment and run, and sends what earlier runs left.

        Raises:
            ValueError: If MLflow does not answer that first call.
        """
        if self._initialized or rank_zero_only.rank:  # type: ignore[attr-defined]
            return cast(MlflowClient, super().experiment)
        try:
            with alone_with(self._tracking_uri):
                client = cast(MlflowClient, super().experiment)
        except MlflowException as error:
            if not is_absence(error):
                raise
            raise ValueError(
                f"logger: MLflow at {self._tracking_uri} does not answer ({error}); start it or "
                "set another tracking_uri"
            ) from error
        self.outbox.replay_left()
        return client

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send one step's metrics, or keep them until MLflow answers again."""
        now = int(time.time() * 1000)
        rows = [Metric(name, float(value), now, step or 0) for name, value in metrics.items()]
        assert self.run_id is not None
        self.outbox.send(self.run_id, rows)

    @rank_zero_only
    def go_on_with(self, run_id: str) -> None:
        """Log into an earlier run, which is running again; a `run_id` of the YAML has precedence.

        Raises:
            ValueError: If MLflow does not have that run.
        """
        self._run_id = self._run_id or run_id
        try:
            self.experiment.update_run(self._run_id, status="RUNNING")
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
        self.outbox.flush(self._run_id, now=True)
        self.outbox.close()
        try:
            super().finalize("KILLED" if status == "failed" and stopped else status)
        except MlflowException as error:
            if not is_absence(error):
                raise
            _log.warning(
                f"MLflow at {self._tracking_uri} is gone; this run stays RUNNING there, metrics in "
                f"{self.outbox.folder} are sent when the next run starts"
            )


def alone_with(tracking_uri: str) -> AbstractContextManager[None]:
    """Keep other processes (a run's ranks, a sweep's runs) away from a sqlite file meanwhile.

    MLflow makes a new file's tables, and an experiment, by steps that fail where two processes take
    them at once.
    """
    file = re.match(r"sqlite:///([^?:]+)", tracking_uri)
    return one_at_a_time(Path(f"{file[1]}.lock")) if file else nullcontext()
