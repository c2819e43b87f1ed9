"""Accuracies: one JSON object, problem -> list of its accuracies, epoch by epoch.

As One-Shot-RLVR published (``acc_step_500.json``), where the k-th accuracy is a problem's k-th
visit. Lists may differ in length; null is an epoch in which the problem was not seen.
"""

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from limr.tables import read_bytes
from limr.trajectories.importers.responses import ImportedResponse, Step


def read_accuracies(path: str, samples: int) -> Iterator[Step]:
    """The epochs, one step each; the reward is 1 for a correct response and 0 for a wrong one.

    Args:
        path: The file, a local path or an fsspec URL.
        samples: Responses behind each accuracy.

    Raises:
        ValueError: Naming the file, the problem and the epoch whose accuracy is no number of
            correct responses out of `samples`.
    """
    if samples < 1:
        raise ValueError(f"samples must be >= 1, got {samples}")
    counts = {name: _counts(path, name, row, samples) for name, row in _read(path).items()}
    for epoch, column in enumerate(zip_longest(*counts.values())):
        rows = []
        for name, correct in zip(counts, column, strict=True):
            if correct is not None:
                right = ImportedResponse(name, epoch, 1.0, "correct")
                wrong = ImportedResponse(name, epoch, 0.0, "wrong")
                rows += [right] * correct + [wrong] * (samples - correct)
        yield epoch, rows


def _read(path: str) -> dict[str, Any]:
    try:
        listed = json.loads(read_bytes(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(listed, dict):
        raise ValueError(f"{path} holds one {type(listed).__name__}, expected problem -> list")
    return listed


def _counts(path: str, problem: str, row: Any, samples: int) -> list[int | None]:
    """Correct responses by epoch."""
    if not isinstance(row, list):
        raise ValueError(f"{path}, problem {problem!r}: found {row!r:.80}, expected a list")
    counts: list[int | None] = []
    for epoch, accuracy in enumerate(row):
        if accuracy is None:
            counts.append(None)
            continue
        is_number = isinstance(accuracy, int | float) and not isinstance(accuracy, bool)
        # as near as rounding to four decimals leaves it
        if not is_number or not 0 <= accuracy <= 1 or abs(_off(accuracy * samples)) > 1e-3:
            raise ValueError(
                f"{path}, problem {problem!r}, epoch {epoch}: {accuracy!r} is no share of "
                f"{samples} responses; correct the file or `samples`"
            )
        counts.append(round(accuracy * samples))
    return counts


def _off(value: float) -> float:
    return value - round(value)
