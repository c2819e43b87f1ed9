"""Metrics that MLflow did not take wait on disk, and are sent when it answers again."""

import fcntl
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric

RETRY_S = 30.0
"""Seconds between two attempts while MLflow is gone: a step must not wait for it each time."""

_PATIENCE = 0.1
"""Share of the time that attempts may take: where one takes long, the next comes later."""

_MAX_METRICS = 1000
"""MLflow's limit for one request."""

_log = logging.getLogger("lightning.pytorch.utilities.rank_zero")


class Outbox:
    """Sends metrics, or keeps them in one file per run until they can be sent.

    Each carries its own time and step, under which MLflow keeps a value once: sending again what
    had arrived changes nothing.
    """

    def __init__(self, folder: Path, client: MlflowClient, uri: str) -> None:
        """Set up; nothing is written while MLflow answers.

        Args:
            folder: Where files wait; several runs may share it.
            client: Of the server at `uri`.
            uri: Files of other servers are left alone.
        """
        self.folder, self.client, self.uri = folder, client, uri
        self._file: TextIO | None = None
        self._retry_at = 0.0

    def send(self, run_id: str, metrics: Sequence[Metric]) -> None:
        """Send, after what waits; or keep.

        Raises:
            MlflowException: If MLflow refuses the metrics themselves.
        """
        if self._file is not None and not self.flush(run_id):
            return self._keep(run_id, metrics)
        try:
            self._deliver(run_id, metrics)
        except MlflowException as error:
            if not is_absence(error):
                raise
            self._keep(run_id, metrics)
            self._retry_at = time.monotonic() + RETRY_S
            cause = str(error).splitlines()[0]
            _log.warning(
                f"MLflow at {self.uri} is gone; metrics wait in {self._path(run_id)} ({cause})"
            )
        return None

    def flush(self, run_id: str, *, now: bool = False) -> bool:
        """Send what waits, unless the last attempt was a moment ago; whether nothing waits."""
        if self._file is None:
            return True
        if not now and time.monotonic() < self._retry_at:
            return False
        if not self._replay(self._file):
            self._retry_at = time.monotonic() + RETRY_S
            return False
        self._path(run_id).unlink()
        self._file.close()
        self._file = None
        _log.warning(f"MLflow at {self.uri} is back; the metrics that waited are there")
        return True

    def close(self) -> None:
        """Leave what waits to the next run."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def replay_left(self) -> None:
        """Send what runs that have ended left behind; a file in use is its run's own."""
        for path in sorted(self.folder.glob("*.jsonl")):
            with path.open("a+", encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                if self._replay(file):
                    path.unlink()

    def _replay(self, file: TextIO) -> bool:
        """Send a file's rows; False if MLflow is gone or the file is another server's."""
        file.seek(0)
        for line in file.read().splitlines():
            try:
                row: dict[str, Any] = json.loads(line)
            except json.JSONDecodeError:
                _log.warning(f"{file.name}: a line that was cut while it was written is left out")
                continue
            if row["uri"] != self.uri:
                return False
            try:
                self._deliver(row["run_id"], [Metric(*values) for values in row["metrics"]])
            except MlflowException as error:
                if not is_absence(error):
                    raise
                return False
        return True

    def _deliver(self, run_id: str, metrics: Sequence[Metric]) -> None:
        for start in range(0, len(metrics), _MAX_METRICS):
            self.client.log_batch(run_id, metrics=metrics[start : start + _MAX_METRICS])

    def _keep(self, run_id: str, metrics: Sequence[Metric]) -> None:
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path(run_id).open("a+", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX)
        values = [(m.key, m.value, m.timestamp, m.step) for m in metrics]
        row = {"uri": self.uri, "run_id": run_id, "metrics": values}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.jsonl"


def is_absence(error: MlflowException) -> bool:
    """Whether MLflow did not answer or failed by itself, rather than refuse what it was given."""
    return int(error.get_http_status_code()) >= 500  # type: ignore[no-untyped-call]
