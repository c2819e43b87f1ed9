"""Runs grouped into arms, and their shares as one matrix of seeds and questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from limr.report.intervals import Floats
from limr.report.runs import FINISHED, Measurement, Run
from limr.report.text_tables import natural


@dataclass(frozen=True, kw_only=True, eq=False)
class Arm:
    """What is compared: runs that differ by their seeds alone."""

    name: str
    runs: tuple[Run, ...]
    """In the order of their seeds."""

    @property
    def seeds(self) -> tuple[str, ...]:
        """One of each run, empty where unknown."""
        return tuple(run.seed for run in self.runs)

    def pairs_with(self, other: "Arm") -> bool:
        """Whether each run of one has a run of the other with its seed, or both have only one."""
        if len(self.seeds) == len(other.seeds) == 1:
            return True
        return self.seeds == other.seeds and "" not in self.seeds


def group_into_arms(runs: Sequence[Run], baseline: str) -> tuple[list[Arm], list[str]]:
    """The arms, the baseline first and the others by name, and notes about runs left out.

    Of several runs of one arm with one seed the latest counts, of those that finished if any did.

    Raises:
        ValueError: If no run is of the baseline's arm.
    """
    by_arm: dict[str, list[Run]] = {}
    notes = []
    for run in sorted(runs, key=lambda run: (run.status == FINISHED, run.started)):
        same = by_arm.setdefault(run.arm, [])
        for other in [one for one in same if run.seed and one.seed == run.seed]:
            same.remove(other)
            notes.append(
                f"run {other.name!r} is left out: {run.name!r} is of the same arm {run.arm!r} and "
                f"seed {run.seed}, and later or finished"
            )
        same.append(run)
    if baseline not in by_arm:
        raise ValueError(
            f"no run of the arm {baseline!r} among {', '.join(sorted(by_arm, key=natural))}; name "
            "the arm to compare with by --baseline"
        )
    arms = [
        Arm(name=name, runs=tuple(sorted(same, key=lambda run: (natural(run.seed), run.name))))
        for name, same in by_arm.items()
    ]
    return sorted(arms, key=lambda arm: (arm.name != baseline, natural(arm.name))), notes


def common_questions(runs: Sequence[Run], benchmark: str) -> NDArray[np.str_]:
    """(Q,) ids of the questions that every measurement on a benchmark has, ascending.

    Raises:
        ValueError: If there are none.
    """
    sets = [one.problem_ids for run in runs for one in run.measured[benchmark].values()]
    common = reduce(
        lambda a, b: a if np.array_equal(a, b) else np.intersect1d(a, b, assume_unique=True), sets
    )
    if not len(common):
        raise ValueError(
            f"no question of {benchmark} was measured in every run; compare runs of one benchmark"
        )
    return common


def restricted(run: Run, questions: Mapping[str, NDArray[np.str_]]) -> Run:
    """The run as if it had been measured on these benchmarks' questions alone.

    Args:
        run: Measured on them, and maybe on others.
        questions: By benchmark their ids, ascending.
    """
    return replace(
        run,
        measured={
            name: {step: _of_questions(one, ids) for step, one in run.measured[name].items()}
            for name, ids in questions.items()
        },
    )


def _of_questions(one: Measurement, ids: NDArray[np.str_]) -> Measurement:
    if len(ids) == len(one.problem_ids):
        return one
    shares = one.shares[np.searchsorted(one.problem_ids, ids)]
    return replace(one, problem_ids=ids, shares=shares)


def share_matrix(measurements: Sequence[Measurement]) -> Floats:
    """(S, Q) share of correct samples, by measurement and question, the same in each."""
    return np.stack([one.shares for one in measurements])
