"""Arms of runs side by side: accuracy, difference to a baseline, response length, how soon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limr.report.arms import (
    Arm,
    common_questions,
    group_into_arms,
    restricted,
    share_matrix,
)
from limr.report.intervals import Estimate
from limr.report.matching import (
    common_amount,
    common_benchmarks,
    final_accuracy,
    first_step_at,
    matched,
)
from limr.report.runs import FINISHED, Found, Measurement, Run
from limr.report.seeds import accuracy_interval, difference_interval
from limr.report.text_tables import natural

AVERAGE = "average over benchmarks"
"""Stands among the benchmarks for the mean over them."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One arm on one benchmark, or on the average of all."""

    benchmark: str
    arm: str
    seeds: int
    steps: tuple[int, ...]
    """Training steps of the measurements that are compared, by seed (and benchmark)."""
    accuracy: Estimate
    difference: Estimate | None
    """Less the baseline's accuracy; None of the baseline itself."""
    length: float
    """Tokens, mean over questions and seeds."""
    reached: tuple[int | None, ...]
    """By seed the first measured step with the baseline's final accuracy, None is never; empty for
    the average."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Arms, compared at an equal amount."""

    match: str
    """What is equal."""
    amount: float
    """How much of it."""
    at_most: bool
    """Whether that is the most that every run reaches; else it was asked for."""
    arms: tuple[Arm, ...]
    """The baseline first, the others by name; their runs have what all runs have."""
    questions: Mapping[str, int]
    """How many are compared, by benchmark."""
    rows: tuple[Row, ...]
    """By benchmark, the average last where there are several, and then by arm."""
    notes: tuple[str, ...]
    """What a reader should know of runs and questions that are not as they should be."""

    @property
    def baseline(self) -> Arm:
        """What the other arms are held against."""
        return self.arms[0]

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """Those of the rows, the average among them where there are several."""
        return (*self.questions, *([AVERAGE] if len(self.questions) > 1 else []))

    def rows_of(self, benchmark: str) -> list[Row]:
        """A row for each arm."""
        return [row for row in self.rows if row.benchmark == benchmark]

    def compared(self, run: Run, benchmark: str) -> Measurement:
        """The measurement of a run that is compared."""
        return matched(run, benchmark, self.match, self.amount)


def compare(
    found: Found,
    *,
    baseline: str,
    match: str,
    at: float | None = None,
    benchmarks: Sequence[str] = (),
) -> Comparison:
    """Compare runs.

    Args:
        found: The runs.
        baseline: The arm that the others are held against.
        match: What is made equal, one of :data:`limr.report.matching.MATCHES`.
        at: How much of it; None is the most that every run reaches.
        benchmarks: Only these; all that every run was measured on where none are named.

    Raises:
        ValueError: If nothing can be compared, or there is no such arm, benchmark or amount.
    """
    if not found.runs:
        raise ValueError(f"nothing to compare: {'; '.join(found.notes)}")
    arms, notes = group_into_arms(found.runs, baseline)
    runs = [run for arm in arms for run in arm.runs]
    questions = {
        name: common_questions(runs, name)
        for name in sorted(common_benchmarks(runs, benchmarks), key=natural)
    }
    gaps = _gaps(runs, questions, benchmarks)
    arms = [
        Arm(name=arm.name, runs=tuple(restricted(run, questions) for run in arm.runs))
        for arm in arms
    ]
    amount = common_amount([run for arm in arms for run in arm.runs], match, at)
    targets = {name: final_accuracy(arms[0].runs, name) for name in questions}
    chosen = {
        arm.name: {
            name: [matched(run, name, match, amount) for run in arm.runs] for name in questions
        }
        for arm in arms
    }
    parts = [[name] for name in questions] + [[*questions]] * (len(questions) > 1)
    return Comparison(
        match=match,
        amount=amount,
        at_most=at is None,
        arms=tuple(arms),
        questions={name: len(ids) for name, ids in questions.items()},
        rows=tuple(_row(names, arm, arms[0], chosen, targets) for names in parts for arm in arms),
        notes=(*found.notes, *notes, *gaps, *_unfinished(runs)),
    )


Chosen = Mapping[str, Mapping[str, Sequence[Measurement]]]
"""By arm and benchmark the measurements that are compared, in the order of the runs."""


def _row(
    names: Sequence[str], arm: Arm, baseline: Arm, chosen: Chosen, targets: Mapping[str, float]
) -> Row:
    """An arm's row on one benchmark or, of several, on their average."""
    ours, theirs = (
        [share_matrix(chosen[one.name][name]) for name in names] for one in (arm, baseline)
    )
    measurements = [one for name in names for one in chosen[arm.name][name]]
    difference = None
    if arm is not baseline:
        difference = difference_interval(ours, theirs, paired=arm.pairs_with(baseline))
    reached: tuple[int | None, ...] = ()
    if len(names) == 1:
        reached = tuple(first_step_at(run, names[0], targets[names[0]]) for run in arm.runs)
    return Row(
        benchmark=names[0] if len(names) == 1 else AVERAGE,
        arm=arm.name,
        seeds=len(arm.runs),
        steps=tuple(one.step for one in measurements),
        accuracy=accuracy_interval(ours),
        difference=difference,
        length=float(np.mean([one.length for one in measurements])),
        reached=reached,
    )


def _gaps(
    runs: Sequence[Run], questions: Mapping[str, NDArray[np.str_]], wanted: Sequence[str]
) -> list[str]:
    """What some runs have and others lack, of the wanted benchmarks where any are named."""
    there = {name for run in runs for name in run.measured if not wanted or name in wanted}
    others = sorted(there - {*questions})
    notes = [f"benchmark {name!r} is left out: not every run was measured on it" for name in others]
    for name, ids in questions.items():
        most = max(len(one.problem_ids) for run in runs for one in run.measured[name].values())
        if most > len(ids):
            notes.append(
                f"{name!r} is compared on the {len(ids)} questions that every run has; some have "
                f"{most}"
            )
    return notes


def _unfinished(runs: Sequence[Run]) -> list[str]:
    return [
        f"run {run.name!r} is {run.status}, not {FINISHED}: it is compared as far as it was "
        f"measured, to step {max(max(steps) for steps in run.measured.values())}"
        for run in runs
        if run.status != FINISHED
    ]
