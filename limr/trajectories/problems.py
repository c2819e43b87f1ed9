"""What a run was asked, kept beside what it answered: one JSON object per training problem."""

import json
from collections.abc import Iterable
from pathlib import Path

from limr.trajectories.store import PROBLEMS_FILE, StepFiles
from limr.types import Problem

_FIELDS = ("id", "prompt", "answer", "family", "level")


def write_problems(dirpath: str | Path, problems: Iterable[Problem]) -> None:
    """Write ``_problems.jsonl`` into a store's folder, in place of any before.

    Args:
        dirpath: The store's folder, a local path or an fsspec URL.
        problems: All the problems that the run may visit.

    Raises:
        ValueError: If it cannot be written, or the disk is full.
    """
    rows = [{name: getattr(problem, name) for name in _FIELDS} for problem in problems]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    # half of a surrogate pair has no place in UTF-8; its escape is JSON
    whole = text.encode(errors="backslashreplace").decode()
    StepFiles(dirpath).write_text(PROBLEMS_FILE, whole)


def problems_file(dirpath: str | Path) -> str | None:
    """The address of a store's ``_problems.jsonl``, None where it has none."""
    return StepFiles(dirpath).address(PROBLEMS_FILE)
