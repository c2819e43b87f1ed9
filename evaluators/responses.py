"""Graded responses as rows of a Parquet file, one row per response."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from limr.files import naming_full_disk
from limr.types import GradedResponses, Problem, Verdict

Row = dict[str, Any]
Facts = Mapping[str, Any]
"""What a file says of how its responses came about: plain values by name."""

_FACTS = b"limr_evaluation"

SCHEMA = pyarrow.schema(
    [
        pyarrow.field("benchmark", pyarrow.string(), nullable=False),
        pyarrow.field("step", pyarrow.int64(), nullable=False),
        pyarrow.field("problem_id", pyarrow.string(), nullable=False),
        pyarrow.field("sample", pyarrow.int32(), nullable=False),
        pyarrow.field("family", pyarrow.string(), nullable=False),
        pyarrow.field("level", pyarrow.string(), nullable=False),
        pyarrow.field("prompt", pyarrow.string(), nullable=False),
        pyarrow.field("gold", pyarrow.string(), nullable=False),
        pyarrow.field("response", pyarrow.string(), nullable=False),
        pyarrow.field("answer", pyarrow.string()),
        pyarrow.field("status", pyarrow.string(), nullable=False),
        pyarrow.field("reason", pyarrow.string(), nullable=False),
        pyarrow.field("score", pyarrow.float64(), nullable=False),
        pyarrow.field("length", pyarrow.int64(), nullable=False),
        pyarrow.field("truncated", pyarrow.bool_(), nullable=False),
    ]
)


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


def graded_again(
    rows: Sequence[Row], *, benchmark: str, samples_per_prompt: int
) -> GradedResponses:
    """What :func:`response_rows` made its rows of, solutions aside."""
    return GradedResponses(
        problems=tuple(
            Problem(
                id=row["problem_id"],
                prompt=row["prompt"],
                answer=row["gold"],
                family=row["family"],
                level=row["level"],
            )
            for row in rows
        ),
        responses=tuple(row["response"] for row in rows),
        verdicts=tuple(
            Verdict(**{name: row[name] for name in ("status", "score", "answer", "reason")})
            for row in rows
        ),
        lengths=tuple(row["length"] for row in rows),
        truncated=tuple(row["truncated"] for row in rows),
        samples_per_prompt=samples_per_prompt,
        benchmark=benchmark,
    )


def question_shares(rows: Iterable[Row]) -> dict[str, float]:
    """Share of correct samples by problem id."""
    correct: dict[str, list[bool]] = {}
    for row in rows:
        correct.setdefault(row["problem_id"], []).append(row["status"] == "correct")
    return {problem: sum(flags) / len(flags) for problem, flags in correct.items()}


def responses_path(folder: Path, *, verb: str, benchmark: str, step: int, mark: str = "") -> Path:
    """``<verb>-<benchmark>-step<step>.parquet`` in a folder, with a mark behind the step.

    Example:
        >>> responses_path(Path("r"), verb="fit", benchmark="aime 24", step=36).name
        'fit-aime_24-step000036.parquet'
    """
    name = re.sub(r"[^\w.-]+", "_", benchmark)
    return folder / f"{verb}-{name}-step{step:06d}{mark and '-' + mark}.parquet"


def write_responses(rows: Sequence[Row], path: Path, facts: Facts) -> None:
    """Write a file, replacing an older one; it gets its name only when it is complete.

    Raises:
        ValueError: If it cannot be written, for one because the disk is full.
    """
    table = pyarrow.Table.from_pylist(list(rows), schema=SCHEMA)
    table = table.replace_schema_metadata({_FACTS: json.dumps(facts, sort_keys=True).encode()})
    part = path.with_name(f".{path.name}.part")  # readers of whole folders pass over it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with naming_full_disk(path), part.open("wb") as file:
            pyarrow.parquet.write_table(table, file, compression="zstd", write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the name without the content
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error
    part.replace(path)


def read_responses(path: Path) -> tuple[list[Row], dict[str, Any]]:
    """A file's rows, and what it says of how they came about.

    Raises:
        ValueError: If it is damaged or no such file.
    """
    try:
        table = pyarrow.parquet.read_table(path, page_checksum_verification=True)
        facts = json.loads((table.schema.metadata or {})[_FACTS])
    except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged or no file of responses ({error}); remove it to measure again"
        ) from error
    rows: list[Row] = table.to_pylist()
    return rows, facts
