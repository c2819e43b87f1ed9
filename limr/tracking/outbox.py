"""What MLflow did not take waits on disk, and is sent when it answers again."""

import fcntl
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from mlflow import MlflowException

RETRY_S = 30.0
"""Seconds between two attempts while MLflow is gone: a step must not wait for it each time."""

_REST = 10
"""The pause after an attempt, at least, in multiples of its length: failing may take long."""

_log = logging.getLogger("lightning.pytorch.utilities.rank_zero")


class Outbox:
    """Sends one kind of content, or keeps it in one file per run until it can be sent."""

    def __init__(
        self, folder: Path, uri: str, content: str, deliver: Callable[[str, Any], None]
    ) -> None:
        """Set up; nothing is written while MLflow answers.

        Args:
            folder: Where files wait; several runs may share it.
            uri: The MLflow to which `deliver` sends; files of others are left alone.
            content: What is sent, in the plural, for messages and file names.
            deliver: Sends JSON-able content to a run; again does no harm.
        """
        self.folder, self.uri, self.content = folder, uri, content
        self._deliver = deliver
        self._file: TextIO | None = None
        self._retry_at = 0.0

    @property
    def waits(self) -> bool:
        """Whether anything of this run's waits."""
        return self._file is not None

    def send(self, run_id: str, row: Any) -> None:
        """Send, after what waits; or keep.

        Raises:
            MlflowException: If MLflow refuses the content itself.
        """
        if not self.flush(run_id):
            return self.keep(run_id, row)
        began = time.monotonic()
        try:
            self._deliver(run_id, row)
        except MlflowException as error:
            if not is_absence(error):
                raise
            self.keep(run_id, row)
            self._rest(began)
            cause = str(error).splitlines()[0]
            path = self._path(run_id)
            _log.warning(f"MLflow at {self.uri} is gone; {self.content} wait in {path} ({cause})")
        return None

    def keep(self, run_id: str, row: Any) -> None:
        """Write down what is to be sent later."""
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path(run_id).open("a+", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._file.write(json.dumps({"uri": self.uri, "run_id": run_id, self.content: row}) + "\n")
        self._file.flush()

    def flush(self, run_id: str, *, now: bool = False) -> bool:
        """Send what waits, unless the last attempt was a moment ago; whether nothing waits."""
        if self._file is None:
            return True
        if not now and time.monotonic() < self._retry_at:
            return False
        began = time.monotonic()
        if not self._replay(self._file):
            self._rest(began)
            return False
        self._path(run_id).unlink()
        self._file.close()
        self._file = None
        _log.warning(f"MLflow at {self.uri} is back; the {self.content} that waited are there")
        return True

    def close(self) -> None:
        """Leave what waits to the next run."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def replay_left(self) -> None:
        """Send what runs that have ended left behind; a file in use is its run's own."""
        for path in sorted(self.folder.glob(self._path("*").name)):
            with path.open("a+", encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                if self._replay(file):
                    path.unlink()

    def _rest(self, began: float) -> None:
        """Leave MLflow alone for a while, after an attempt that failed."""
        now = time.monotonic()
        self._retry_at = now + max(RETRY_S, _REST * (now - began))

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
                self._deliver(row["run_id"], row[self.content])
            except MlflowException as error:
                if is_absence(error):
                    return False
                _log.warning(f"{file.name}: MLflow refuses a line, which is left out ({error})")
        return True

    def _path(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.{self.content}.jsonl"


def is_absence(error: Exception) -> bool:
    """Whether MLflow did not answer or failed by itself, rather than refuse what it was given."""
    if isinstance(error, MlflowException):
        return int(error.get_http_status_code()) >= 500  # type: ignore[no-untyped-call]
    # `requests` puts the answer, where there was one, into its exceptions
    return int(getattr(getattr(error, "response", None), "status_code", 500)) >= 500
