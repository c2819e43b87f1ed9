"""What ``limr select`` reads and writes: problem files, scores files, problem files again."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from limr.files import whole_file
from limr.selection.scores import Floats
from limr.tables import BadRowError, ProblemRow, number_of, read_rows, text_of
from limr.trajectories import RewardCurves


def read_scores(path: str, problems: Sequence[ProblemRow] | None) -> tuple[list[str], Floats]:
    """A score for each problem, from a file that someone else made.

    A row is ``{"id" or "prompt", "score"}``; a score of null is none. Rows without id belong to all
    problems with the same prompt, outer white space ignored.

    Args:
        path: A JSON, JSONL, CSV or Parquet file.
        problems: The problems, or None to take what the file has by id.

    Returns:
        N ids, in the order of the problems, or else of the file, and ``(N,)`` scores, NaN where
        there is none.

    Raises:
        ValueError: Naming the file and the row that has no score, no known problem, or a problem
            that has its score already.
    """
    by_prompt: dict[str, list[str]] = defaultdict(list)
    for problem in problems or ():
        by_prompt[problem.prompt.strip()].append(problem.id)
    known = None if problems is None else {problem.id for problem in problems}
    found: dict[str, float] = {}
    for number, row in read_rows(path):
        try:
            ids = _ids(row, known, by_prompt)
            score = np.nan if row.get("score", "") is None else number_of(row, "score", "score")
            if repeated := [key for key in ids if key in found]:
                raise BadRowError(f"problem {repeated[0]} has a score already")
        except BadRowError as error:
            raise ValueError(f"{path}, row {number}: {error}") from error
        found |= dict.fromkeys(ids, score)
    if not found:
        raise ValueError(f"{path} holds no scores")
    listed = [*found] if problems is None else [problem.id for problem in problems]
    return listed, np.array([found.get(key, np.nan) for key in listed])


def _ids(row: Any, known: set[str] | None, by_prompt: Mapping[str, list[str]]) -> list[str]:
    if isinstance(row, Mapping) and row.get("id") is not None:
        key = text_of(row, "id", "id", numbers=True)
        if known is not None and key not in known:
            raise BadRowError(f"no problem has the id {key!r}")
        return [key]
    if known is None:
        raise BadRowError("has no id; give --problems to find it by its prompt")
    prompt = text_of(row, "prompt", "prompt").strip()
    if prompt not in by_prompt:
        raise BadRowError(f"no problem has the prompt {prompt[:80]!r}")
    return by_prompt[prompt]


def aligned(curves: RewardCurves, ids: Sequence[str]) -> RewardCurves:
    """The curves with a row for each of these problems, NaN for those never seen.

    Raises:
        ValueError: If the curves have a problem that is not among them.
    """
    strange = np.setdiff1d(curves.problem_ids, ids)
    if len(strange):
        raise ValueError(
            f"{len(strange)} of {len(curves.problem_ids)} problems in the trajectories are not in "
            f"the problem file ({', '.join(strange[:3])}); give the run's own problems, with its "
            "columns.id"
        )
    return curves.of_problems(ids)


def write_problems(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write JSONL, whole or not at all.

    Raises:
        ValueError: If the file cannot be written.
    """
    with whole_file(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def rows_of(ids: Sequence[str], problems: Sequence[ProblemRow] | None) -> list[dict[str, Any]]:
    """The rows to write for these ids, as they were read; just the ids where there are none.

    A row's ``id`` is what limr knows the problem by, whatever column that was read from.
    """
    if problems is None:
        return [{"id": key} for key in ids]
    wanted = {*ids}
    return [
        dict(problem.row)
        if str(problem.row.get("id")) == problem.id
        else {**problem.row, "id": problem.id}
        for problem in problems
        if problem.id in wanted
    ]
