"""The store that is browsed, and its newest snapshot: a run may still be writing to it."""

import threading
import time
from collections.abc import Mapping

from limr.browse.snapshot import Asked, Snapshot, take_snapshot
from limr.selection.scores import Missing
from limr.tables import Columns, read_problem_rows
from limr.trajectories import StepFiles, problems_file

_LOOK_SECONDS = 2.0
"""At the soonest, the files are looked at again after this time."""
_SHARE = 10
"""Reading the store again takes one part in so many of the time at most."""


class Library:
    """Answers from the newest snapshot; makes a new one when files have come, gone or changed."""

    def __init__(
        self,
        dirpath: str,
        *,
        problems: str | None = None,
        columns: Columns = Columns(),  # noqa: B008 - frozen
        missing: Missing = "backfill",
    ) -> None:
        """Read the store.

        Args:
            dirpath: Its folder, a local path or an fsspec URL.
            problems: A problem file; None takes the one that the run left beside its trajectories.
            columns: Which column of `problems` holds what.
            missing: LIM's rule for epochs without a reward.

        Raises:
            ValueError: If there are no trajectories, a file cannot be read, or the problem file
                has none of the store's problems.
        """
        self.dirpath = dirpath
        self.failure = ""
        """Why the files, as they are now, could not be read; empty when they were."""
        self._problems = problems
        self._columns = columns
        self._missing = missing
        self._files = StepFiles(dirpath)
        self._reading = threading.Lock()
        self._read()
        self._due = time.monotonic() + _LOOK_SECONDS

    def current(self) -> Snapshot:
        """The snapshot to answer from; one request at a time makes a new one where that is due."""
        begun = time.monotonic()
        if begun >= self._due and self._reading.acquire(blocking=False):
            try:
                if self._files.state() != self._state:
                    self._read()
            except (ValueError, OSError) as error:
                self.failure = str(error)
            finally:
                now = time.monotonic()
                self._due = now + max(_LOOK_SECONDS, _SHARE * (now - begun))
                self._reading.release()
        return self._snapshot

    def _read(self) -> None:
        state = self._files.state()
        snapshot = take_snapshot(self.dirpath, self._asked(), self._missing)
        if self._problems and snapshot.unknown == snapshot.seen:
            raise ValueError(
                f"{self._problems} has none of the problems in {self.dirpath}; give the run's own "
                "problems, with its --columns.id"
            )
        self._snapshot, self._state, self.failure = snapshot, state, ""

    def _asked(self) -> Mapping[str, Asked] | None:
        path = self._problems or problems_file(self.dirpath)
        if path is None:
            return None
        columns = self._columns if self._problems else Columns()
        return {
            _whole(row.id): Asked(
                prompt=_whole(row.prompt),
                answer=_text(row.row.get(columns.answer)),
                family=_text(row.row.get(columns.family or "family")),
                level=_text(row.row.get(columns.level or "level")),
            )
            for row in read_problem_rows(path, columns)
        }


def _text(value: object) -> str:
    return "" if value is None else _whole(str(value))


def _whole(text: str) -> str:
    """Without halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
    return text.encode(errors="replace").decode()
