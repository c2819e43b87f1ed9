"""Arms of runs side by side: accuracy, difference to a baseline, response length, how soon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limr.report.arms import (
    Arm,
    common_questions,
    count_questions,
    group_into_arms,
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
    arms: tuple[Arm, ...]
    """The baseline first, the others by name."""
    questions: Mapping[str, NDArray[np.str_]]
    """By benchmark (Q,) ids of the questions that are compared."""
    targets: Mapping[str, float]
    """By benchmark, the baseline's final accuracy."""
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


def compare(found: Found, *, baseline: str, match: str) -> Comparison:
    """Compare runs.

    Args:
        found: The runs.
        baseline: The arm that the others are held against.
        match: What is made equal, one of :data:`limr.report.matching.MATCHES`.

    Raises:
        ValueError: If nothing can be compared, or there is no such arm.
    """
    if not found.runs:
        raise ValueError(f"nothing to compare: {'; '.join(found.notes)}")
    arms, notes = group_into_arms(found.runs, baseline)
    runs = [run for arm in arms for run in arm.runs]
    benchmarks = sorted(common_benchmarks(runs), key=natural)
    amount = common_amount(runs, benchmarks, match)
    questions = {name: common_questions(runs, name) for name in benchmarks}
    targets = {name: final_accuracy(arms[0].runs, name) for name in benchmarks}
    chosen = {
        arm.name: {
            name: [matched(run, name, match, amount) for run in arm.runs] for name in benchmarks
        }
        for arm in arms
    }
    parts = [[name] for name in benchmarks] + [benchmarks] * (len(benchmarks) > 1)
    return Comparison(
        match=match,
        amount=amount,
        arms=tuple(arms),
        questions=questions,
        targets=targets,
        rows=tuple(
            _row(names, arm, arms[0], chosen, questions, targets) for names in parts for arm in arms
        ),
        notes=(*found.notes, *notes, *_gaps(runs, questions), *_unfinished(runs)),
    )


Chosen = Mapping[str, Mapping[str, Sequence[Measurement]]]
"""By arm and benchmark the measurements that are compared, in the order of the runs."""


def _row(
    names: Sequence[str],
    arm: Arm,
    baseline: Arm,
    chosen: Chosen,
    questions: Mapping[str, NDArray[np.str_]],
    targets: Mapping[str, float],
) -> Row:
    """An arm's row on one benchmark or, of several, on their average."""
    ours, theirs = (
        [share_matrix(chosen[one.name][name], questions[name]) for name in names]
        for one in (arm, baseline)
    )
    paired = arm.pairs_with(baseline)
    measurements = [one for name in names for one in chosen[arm.name][name]]
    return Row(
        benchmark=names[0] if len(names) == 1 else AVERAGE,
        arm=arm.name,
        seeds=len(arm.runs),
        steps=tuple(one.step for one in measurements),
        accuracy=accuracy_interval(ours),
        difference=None if arm is baseline else difference_interval(ours, theirs, paired=paired),
        length=float(np.mean([one.length for one in measurements])),
        reached=tuple(first_step_at(run, names[0], targets[names[0]]) for run in arm.runs)
        if len(names) == 1
        else (),
    )


def _gaps(runs: Sequence[Run], questions: Mapping[str, NDArray[np.str_]]) -> list[str]:
    """What some runs have and others lack."""
    others = sorted({name for run in runs for name in run.measured} - {*questions})
    notes = [f"benchmark {name!r} is left out: not every run was measured on it" for name in others]
    for name, common in questions.items():
        if dropped := count_questions(runs, name) - len(common):
            notes.append(f"{dropped} questions of {name!r} are left out: not every run has them")
    return notes


def _unfinished(runs: Sequence[Run]) -> list[str]:
    return [
        f"run {run.name!r} is {run.status}, not {FINISHED}: it is compared as far as it was "
        f"measured, up to step {max(max(steps) for steps in run.measured.values())}"
        for run in runs
        if run.status != FINISHED
    ]
