"""What LIM loses when only some problems are visited, and what the weights give back.

    make selectors
    python -m benchmarks.resampling --curves ../shared/data/one_shot_rlvr/acc_step_500.json

Published trajectories (see benchmarks/selectors.py) stand for a run: an epoch shows a problem's
accuracy only if `limr.data.Resampling` would have visited it, and LIM selects anew for each epoch.
The last selection is compared with LIM's on the whole trajectories of the same 21 epochs. Writes
benchmarks/results/resampling.json.
"""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.results_file import write_results
from benchmarks.selectors import DEFAULT_CURVES, SAMPLES, read_curves
from limr.data.choices import population_curves, turn
from limr.selection import LIM, choose, mean_reward_curve
from limr.selection.stability import overlap
from limr.trajectories import RewardCurves

EPOCHS = 21
SEEDS = 8
"""Orders in which the unselected have their turns, averaged."""
FRACTIONS = (0.163, 0.25, 0.5)
EXPLORATIONS = (0.05, 0.1, 0.25)
METHOD = LIM(missing="ignore")


class Loss(NamedTuple):
    """After 21 epochs, mean over seeds."""

    bias: float
    """Of the average curve, mean over the epochs after the first."""
    overlap: float
    """Of the last selection with the one from whole trajectories."""


def simulate(
    curves: RewardCurves, fraction: float, exploration: float, *, weighted: bool, seed: int
) -> Loss:
    """A resampled run on these trajectories."""
    ids = curves.problem_ids.tolist()
    visited = np.zeros(curves.accuracy.shape, dtype=bool)
    visited[:, 0] = True
    history: list[tuple[int, list[str]]] = []
    for epoch in range(1, EPOCHS + 1):
        seen = population_curves(_seen(curves, visited, epoch), ids, history)
        if not weighted:
            seen = replace(seen, weights=None)
        selected = choose(ids, METHOD.scores(seen), fraction=fraction)
        if epoch < EPOCHS:
            others = sorted({*ids} - {*selected})
            explored = turn(others, round(exploration * len(others)), epoch, seed)
            visited[:, epoch] = np.isin(ids, [*selected, *explored])
            history.append((epoch, selected))
    average = mean_reward_curve(seen.accuracy, missing="ignore", weights=seen.weights)
    whole = curves.select_epochs(EPOCHS - 1)
    return Loss(
        bias=float(np.mean((average - whole.accuracy.mean(axis=0))[1:])),
        overlap=overlap(selected, choose(ids, METHOD.scores(whole), fraction=fraction)),
    )


def _seen(curves: RewardCurves, visited: np.ndarray, epochs: int) -> RewardCurves:
    accuracy = np.where(visited, curves.accuracy, np.nan)[:, :epochs]
    samples = np.where(visited, SAMPLES, 0).astype(np.int32)[:, :epochs]
    return RewardCurves(curves.problem_ids, curves.epochs[:epochs], accuracy, accuracy, samples)


def losses(
    curves: RewardCurves, fraction: float, exploration: float, *, weighted: bool
) -> dict[str, float]:
    """Their means over the seeds."""
    runs = [
        simulate(curves, fraction, exploration, weighted=weighted, seed=seed)
        for seed in range(SEEDS)
    ]
    means = np.mean(runs, axis=0)
    return dict(zip(Loss._fields, (means.round(3) + 0.0).tolist(), strict=True))


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--curves", type=Path, default=DEFAULT_CURVES)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/resampling.json"))
    args = parser.parse_args()
    curves = read_curves(args.curves)
    cases = itertools.product(FRACTIONS, EXPLORATIONS)
    table = [
        {
            "fraction": fraction,
            "exploration": exploration,
            "weighted": losses(curves, fraction, exploration, weighted=True),
            "unweighted": losses(curves, fraction, exploration, weighted=False),
        }
        for fraction, exploration in cases
    ]
    write_results({"epochs": EPOCHS, "seeds": SEEDS, "cases": table}, args.output)


if __name__ == "__main__":
    main()
