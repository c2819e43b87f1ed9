"""What all importers share: responses of other tools, and their way into a store."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow

from limr.tables import BadRowError, read_rows
from limr.trajectories.schema import SCHEMA
from limr.trajectories.store import TrajectoryWriter
from limr.types import Status

UNKNOWN = -1
"""Stands in the store where another tool's dump does not tell a response's length or its policy."""


class ImportedResponse(NamedTuple):
    """One response, as far as other tools tell of it."""

    problem_id: str
    epoch: int
    score: float
    status: Status
    response_length: int = UNKNOWN
    response: str | None = None
    reason: str | None = None


Step = tuple[int, list[ImportedResponse]]
"""A number and what goes into one file of the store."""


@dataclass(frozen=True, kw_only=True)  # no slots: the command line reads defaults by vars()
class Grading:
    """What a reward says about its response."""

    correct_score: float = 1.0
    """Exactly this reward is correct, any other is not."""
    malformed_score: float | None = None
    """Exactly this reward is malformed; None takes whatever is not correct for wrong."""

    def status(self, score: float) -> Status:
        """The status of a response with this reward."""
        if score == self.correct_score:
            return "correct"
        return "malformed" if score == self.malformed_score else "wrong"


class ImportSummary(NamedTuple):
    """What went into a store."""

    responses: int
    problems: int
    epochs: int
    correct: int


def parsed_rows(path: str, parse: Callable[[Any], ImportedResponse]) -> Iterator[ImportedResponse]:
    """A file's rows, parsed one by one.

    Raises:
        ValueError: Naming the file and the row that `parse` refuses by a BadRowError.
    """
    for number, row in read_rows(path):
        try:
            response = parse(row)
        except BadRowError as error:
            raise ValueError(f"{path}, row {number}: {error}") from error
        yield response


def write_store(dirpath: str, run_id: str, steps: Iterable[Step]) -> ImportSummary:
    """Write a new store, one file per step; nothing stays of one that fails.

    Args:
        dirpath: The folder, a local path or an fsspec URL, without trajectories so far.
        run_id: Written into every row.
        steps: What to write; taken one by one.

    Raises:
        ValueError: If the folder holds trajectories, there is nothing to write, or what `steps`
            raises.
    """
    writer = TrajectoryWriter(dirpath, run_id)
    if writer.files.paths():
        raise ValueError(
            f"{os.fspath(dirpath)} holds trajectories already; name another folder or remove it"
        )
    problems: set[str] = set()
    epochs: set[int] = set()
    responses = correct = 0
    with _whole(writer):
        for step, rows in steps:
            writer.files.write(_table(rows, step, run_id), step=step, rank=0)
            problems.update(row.problem_id for row in rows)
            epochs.update(row.epoch for row in rows)
            responses += len(rows)
            correct += sum(row.status == "correct" for row in rows)
        if not responses:
            raise ValueError("there is nothing to import: no file holds a response")
    return ImportSummary(responses, len(problems), len(epochs), correct)


@contextmanager
def _whole(writer: TrajectoryWriter) -> Iterator[None]:
    try:
        yield
    except BaseException:
        writer.discard_from(0)
        raise


def _table(rows: list[ImportedResponse], step: int, run_id: str) -> pyarrow.Table:
    seen: Counter[tuple[str, int]] = Counter()
    samples = []
    for row in rows:
        key = row.problem_id, row.epoch
        samples.append(seen[key])
        seen[key] += 1
    columns: dict[str, list[Any]] = {
        name: [getattr(row, name) for row in rows] for name in ImportedResponse._fields
    }
    same = {
        "run_id": run_id,
        "step": step,
        "truncated": False,
        "policy_version": UNKNOWN,
        "answer": None,
    }
    columns |= {name: [value] * len(rows) for name, value in same.items()}
    columns["sample"] = samples
    return pyarrow.Table.from_pydict(columns, schema=SCHEMA)
