"""A table with one response in each row: CSV, JSONL, JSON or Parquet, columns as one names them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from limr.tables import BadRowError, cell_of, number_of, text_of
from limr.trajectories.importers.responses import (
    UNKNOWN,
    Grading,
    ImportedResponse,
    Step,
    parsed_rows,
)

ROWS_PER_STEP = 65_536
"""Rows in one file of the store, and in memory at once."""

_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


@dataclass(frozen=True, kw_only=True)  # no slots: the command line reads defaults by vars()
class TableColumns:
    """Which column holds what."""

    problem_id: str = "problem_id"
    epoch: str = "epoch"
    """Whole numbers."""
    reward: str | None = "reward"
    """None for tables that only say what is correct: rewards are then 1 and 0."""
    correct: str | None = None
    """True or false (or 1 or 0), over what the reward says; None goes by the reward."""
    response_length: str | None = None
    """Tokens."""
    response: str | None = None
    """The text."""
    reason: str | None = None
    """Why it was graded so."""


def read_table(
    path: str,
    columns: TableColumns = TableColumns(),
    grading: Grading = Grading(),  # noqa: B008 - frozen
) -> Iterator[Step]:
    """The rows in pieces, a step each.

    Args:
        path: The file, a local path or an fsspec URL.
        columns: Which column holds what.
        grading: What a reward says.

    Raises:
        ValueError: Naming the file and the row that is malformed, or if neither rewards nor what is
            correct can be read.
    """
    if columns.reward is None and columns.correct is None:
        raise ValueError("columns.reward or columns.correct must name a column")
    rows = parsed_rows(path, lambda row: _parse(row, columns, grading))
    step = 0
    while chunk := list(islice(rows, ROWS_PER_STEP)):
        yield step, chunk
        step += 1


def _parse(row: Any, columns: TableColumns, grading: Grading) -> ImportedResponse:
    correct = None if columns.correct is None else _truth(row, columns.correct)
    if columns.reward is None:
        score = float(bool(correct))
    else:
        score = number_of(row, columns.reward, "reward")
    status = grading.status(score)
    if correct is not None:
        status = "correct" if correct else "wrong" if status == "correct" else status
    length = UNKNOWN
    if columns.response_length is not None:
        length = _whole(row, columns.response_length, "response length")
    return ImportedResponse(
        problem_id=text_of(row, columns.problem_id, "problem", numbers=True),
        epoch=_whole(row, columns.epoch, "epoch"),
        score=score,
        status=status,
        response_length=length,
        response=_text(row, columns.response, "response"),
        reason=_text(row, columns.reason, "reason"),
    )


def _text(row: Any, column: str | None, field: str) -> str | None:
    value = None if column is None else cell_of(row, column, field)
    return None if value is None else str(value)


def _whole(row: Any, column: str, field: str) -> int:
    number = number_of(row, column, field)
    if number < 0 or number != int(number):
        raise BadRowError(f"{field} (column {column!r}) is {number}, expected a whole number")
    return int(number)


def _truth(row: Any, column: str) -> bool:
    value = cell_of(row, column, "correct")
    if (truth := _TRUTHS.get(str(value).lower())) is None:
        raise BadRowError(f"correct (column {column!r}) is {value!r}, expected true or false")
    return truth
