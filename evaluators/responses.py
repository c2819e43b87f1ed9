"""Graded responses as rows of a JSONL file, one row per response."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from limr.files import whole_file
from limr.types import GradedResponses

Row = dict[str, Any]


def response_rows(graded: GradedResponses, *, step: int) -> Iterator[Row]:
    """One flat row per response, in order; `sample` counts a prompt's responses from 0."""
    for row in graded.rows():
        yield {
            "benchmark": graded.benchmark,
            "step": step,
            "problem_id": row.problem.id,
            "sample": row.sample,
            "family": row.problem.family,
            "level": row.problem.level,
            "prompt": row.problem.prompt,
            "gold": row.problem.answer,
            "response": row.response,
            "answer": row.verdict.answer,
            "status": row.verdict.status,
            "reason": row.verdict.reason,
            "score": row.verdict.score,
            "length": row.length,
            "truncated": row.truncated,
        }


def question_shares(rows: Iterable[Row]) -> dict[str, dict[str, float]]:
    """Share of correct samples by benchmark and problem id."""
    correct: dict[str, dict[str, list[bool]]] = {}
    for row in rows:
        by_problem = correct.setdefault(row["benchmark"], {})
        by_problem.setdefault(row["problem_id"], []).append(row["status"] == "correct")
    return {
        benchmark: {problem: sum(flags) / len(flags) for problem, flags in by_problem.items()}
        for benchmark, by_problem in correct.items()
    }


def write_responses(rows: Iterable[Row], folder: Path, *, verb: str, step: int) -> list[Path]:
    """Write one file per benchmark, ``<verb>-<benchmark>-step<step>.jsonl``, replacing older ones.

    A file appears under its name only when it is complete.

    Returns:
        The files written.
    """
    by_benchmark: dict[str, list[Row]] = {}
    for row in rows:
        by_benchmark.setdefault(row["benchmark"], []).append(row)
    paths = []
    for benchmark, group in by_benchmark.items():
        name = re.sub(r"[^\w.-]+", "_", benchmark)
        path = folder / f"{verb}-{name}-step{step:06d}.jsonl"
        with whole_file(path) as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in group)
        paths.append(path)
    return paths
