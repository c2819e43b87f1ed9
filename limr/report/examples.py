"""The same problem answered before training, by the baseline and by another arm."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from limr.report.arms import Arm
from limr.report.comparison import Comparison
from limr.report.runs import Measurement, read_responses

PER_BENCHMARK = 12
"""Problems shown of each benchmark."""
_LONGEST = 6000
"""Characters of a text that are shown."""
_BEFORE = "before training"
_SELECTED = "lim"
"""The arm that is shown, where there is one of this name."""

_COLUMNS = ("problem_id", "sample", "prompt", "gold", "response", "status", "length")


class Answer(NamedTuple):
    """One response to a problem."""

    who: str
    """The arm, or that it was before training."""
    response: str
    status: str
    length: int
    """Tokens."""


class Example(NamedTuple):
    """A problem with its answers."""

    benchmark: str
    problem_id: str
    prompt: str
    gold: str
    answers: tuple[Answer, ...]


def shown_arm(comparison: Comparison) -> Arm | None:
    """The arm beside the baseline: `lim` or else the most accurate one; None if there is none."""
    others = {arm.name: arm for arm in comparison.arms[1:]}
    if _SELECTED in others:
        return others[_SELECTED]
    rows = [row for row in comparison.rows_of(comparison.benchmarks[-1]) if row.arm in others]
    best = max(rows, key=lambda row: row.accuracy.value, default=None)
    return None if best is None else others[best.arm]


def examples(comparison: Comparison) -> tuple[list[Example], list[str]]:
    """First samples of some problems of each benchmark, those first that were answered differently.

    They are of the first seed of each arm, at the measurements that are compared.

    Returns:
        The examples, and what is missing in them.

    Raises:
        ValueError: If a file of responses cannot be read.
    """
    base = comparison.baseline.runs[0]
    other = shown_arm(comparison)
    found: list[Example] = []
    notes = []
    for name in comparison.questions:
        sources: dict[str, Measurement] = {}
        if start := base.measured[name].get(0):
            sources[_BEFORE] = start
        else:
            notes.append(f"no examples from before training: {base.name!r} has no step 0 of {name}")
        for arm in (comparison.baseline, *([other] if other else [])):
            sources[arm.name] = comparison.compared(arm.runs[0], name)
        found += _of_benchmark(name, sources)
    return found, notes


def _of_benchmark(name: str, sources: Mapping[str, Measurement]) -> list[Example]:
    answers = {who: _first_samples(one) for who, one in sources.items()}
    shown = sorted(set.intersection(*({*rows} for rows in answers.values())))

    def alike(key: str) -> tuple[bool, bool]:
        outcomes = [rows[key]["status"] == "correct" for rows in answers.values()]
        return len({*outcomes[-2:]}) == 1, len({*outcomes}) == 1  # the two arms stand last

    first = next(iter(answers.values()))
    return [
        Example(
            benchmark=name,
            problem_id=key,
            prompt=_cut(first[key]["prompt"]),
            gold=_cut(first[key]["gold"]),
            answers=tuple(
                Answer(who, _cut(row["response"]), row["status"], row["length"])
                for who, row in ((who, rows[key]) for who, rows in answers.items())
            ),
        )
        for key in sorted(shown, key=alike)[:PER_BENCHMARK]
    ]


def _first_samples(measurement: Measurement) -> dict[str, dict[str, Any]]:
    compared = {*measurement.problem_ids.tolist()}
    rows = read_responses(measurement.file, _COLUMNS).to_pylist()
    return {
        row["problem_id"]: row
        for row in rows
        if row["sample"] == 0 and row["problem_id"] in compared
    }


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
