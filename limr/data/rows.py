"""Rows of any table turned into problems, with one clear error for those that cannot be."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from limr.data.messages import listing
from limr.tables import BadRowError, Columns, cell_of, id_and_prompt, text_of
from limr.types import Problem

OnBadRow = Literal["error", "skip"]

_logger = logging.getLogger(__name__)


def problems_from_rows(
    rows: Iterable[tuple[int, Mapping[str, Any]]],
    *,
    where: str,
    columns: Columns,
    id_prefix: str = "",
    on_bad_row: OnBadRow = "error",
) -> list[Problem]:
    """Problems from numbered rows.

    Prompts and answers stay as they are given; a number given as an answer becomes its text.

    Args:
        rows: Row number (as shown in messages) and the row.
        where: The table's name in messages.
        columns: Which column holds which field.
        id_prefix: Put before every id, to keep two files' ids apart.
        on_bad_row: Refuse the table for a bad row, or leave the row out with a warning.

    Raises:
        ValueError: Naming the table, the bad rows and the reasons, or that no problem is left.
    """
    problems: list[Problem] = []
    first_row: dict[str, int] = {}
    bad: list[tuple[str, str]] = []
    for number, row in rows:
        try:
            problem = _problem(row, columns, id_prefix)
            if problem.id in first_row:
                raise BadRowError(_repeated(problem, first_row[problem.id], columns))
        except BadRowError as error:
            bad.append((f"row {number}", str(error)))
            continue
        first_row[problem.id] = number
        problems.append(problem)
    _report(bad, where, on_bad_row)
    if not problems:
        raise ValueError(f"{where} holds no usable problem; check the file and `columns`")
    return problems


def _report(bad: list[tuple[str, str]], where: str, on_bad_row: OnBadRow) -> None:
    if not bad:
        return
    if on_bad_row == "error":
        raise ValueError(
            f"{where}: {len(bad)} bad row(s): {listing(bad)}. Correct the data, or set "
            "on_bad_row: skip to train without these rows"
        )
    _logger.warning("%s: skipped %d bad row(s): %s", where, len(bad), listing(bad))


def _problem(row: Mapping[str, Any], columns: Columns, id_prefix: str) -> Problem:
    key, prompt = id_and_prompt(row, columns)
    return Problem(
        id=id_prefix + key,
        prompt=prompt,
        answer=_answer(row, columns),
        family=_optional(row, columns.family, "family"),
        level=_optional(row, columns.level, "level"),
        solution=_optional(row, columns.solution, "solution"),
    )


def _answer(row: Mapping[str, Any], columns: Columns) -> str:
    """The gold; a list of answers becomes one text."""
    value = cell_of(row, columns.answer, "answer")
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        row = {**row, columns.answer: ", ".join(value)}
    text = text_of(row, columns.answer, "answer", numbers=True)
    if not columns.answer_after:
        return text
    _, mark, gold = text.rpartition(columns.answer_after)
    if not mark or not gold.strip():
        raise BadRowError(
            f"nothing stands behind {columns.answer_after!r} in the answer (column "
            f"{columns.answer!r})"
        )
    return gold.strip()


def _optional(row: Mapping[str, Any], column: str | None, field: str) -> str:
    if column is None:
        return ""
    value = cell_of(row, column, field)
    return "" if value is None else str(value)


def _repeated(problem: Problem, first: int, columns: Columns) -> str:
    if columns.id is None:
        return (
            f"same prompt as row {first}; ids derived from prompts need distinct prompts "
            "(add a column with ids and name it in columns.id)"
        )
    return f"id {problem.id!r} was taken by row {first}"
