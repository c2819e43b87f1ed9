"""What a selection would make of questions that can only be guessed, half the time rightly.

A calculation, not a run: their curves are drawn and set beside those that a run recorded. That the
run itself would have gone another way with them is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.study.plan import KEY, Cell
from limr.selection import LIM, Linear, MeanBand, PassRate, Selector, Slope, Variance, choose
from limr.trajectories import RewardCurves

COLUMNS = (*KEY, "guesses", "picked")
RATE = 0.5
"""How often a guess is right, whatever the policy has learnt: of two answers, one."""
OF_A_RUN: Mapping[str, Selector] = {
    "lim": LIM(),
    "mean_band": MeanBand(),
    "variance": Variance(),
    "linear": Linear(),
    "slope": Slope(),
}
"""By arm: what reads the curves of FULL's run."""
OF_THE_BASE: Mapping[str, Selector] = {"base_mean_band": MeanBand(), "pass_rate": PassRate()}
"""What reads samples of the base."""


def with_guesses(
    curves: RewardCurves, count: int, rng: np.random.Generator
) -> tuple[RewardCurves, NDArray[np.str_]]:
    """The curves and, after them, `count` of questions that are guessed.

    Args:
        curves: Of N problems that were all seen in each of K epochs.
        count: G.
        rng: Draws how many of a guessed question's samples are right, anew for each epoch.

    Returns:
        The curves of N + G problems, which have no scores, and the ids of the G.
    """
    epochs, samples = curves.accuracy.shape[1], int(curves.samples.max())
    ids = np.array([f"~guess-{place:06d}" for place in range(count)])
    guessed = rng.binomial(samples, RATE, size=(count, epochs)) / samples
    accuracy = np.concatenate([curves.accuracy, guessed])
    both = RewardCurves(
        problem_ids=np.concatenate([curves.problem_ids, ids]),
        epochs=curves.epochs,
        accuracy=accuracy,
        score=np.full_like(accuracy, np.nan),
        samples=np.full(accuracy.shape, samples, dtype=curves.samples.dtype),
    )
    return both, ids


def guess_rows(
    cell: Cell,
    curves: RewardCurves,
    methods: Mapping[str, Selector],
    top_k: int,
    counts: Sequence[int],
) -> list[dict[str, Any]]:
    """How many guesses each method would pick where `counts` of them stand beside the problems.

    Args:
        cell: Whose seed draws the guesses, for all methods alike.
        curves: Of its problems.
        methods: By arm.
        top_k: Problems that are picked.
        counts: Numbers of guesses.
    """
    rows = []
    for count in counts:
        both, guesses = with_guesses(curves, count, np.random.default_rng([cell.seed, count]))
        for arm, selector in methods.items():
            picked = choose(both.problem_ids, selector.scores(both), top_k=top_k)
            key = {name: getattr(replace(cell, arm=arm), name) for name in KEY}
            rows.append(key | {"guesses": count, "picked": len({*picked} & {*guesses.tolist()})})
    return rows
