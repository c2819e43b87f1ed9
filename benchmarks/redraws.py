"""How well redrawing foretells the overlap of two runs' selections, where the truth is known.

    python -m benchmarks.redraws --curves ../shared/data/one_shot_rlvr/acc_step_500.json

Chances of success are made up; runs of 8 samples per epoch are drawn from them. The truth is the
mean overlap of pairs of such runs. Each estimate sees one run only, and is averaged over several:
`posterior` is limr.selection.redraw, `observed` draws both runs at the observed shares. Writes
benchmarks/results/redraws.json.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import write_results
from benchmarks.selectors import DEFAULT_CURVES, RULE, SAMPLES, read_curves
from limr.selection import LIM, MeanBand, Selector, Slope, choose
from limr.selection.redraw import rerun_pairs
from limr.selection.scores import Floats
from limr.selection.stability import Rule, overlap
from limr.trajectories.curves import RewardCurves

TRUE_PAIRS, RUNS, PAIRS_PER_RUN = 60, 6, 20
SMOOTHING = 9
"""Visits averaged to make chances of the published accuracies."""

CASES: dict[str, tuple[Selector, Rule]] = {
    "lim, 16.3 %": (LIM(), RULE),
    "lim, threshold 0.6": (LIM(), partial(choose, threshold=0.6)),
    "mean_band, 16.3 %": (MeanBand(), RULE),
    "slope, 16.3 %": (Slope(), RULE),
}

Pairs = Iterator[tuple[RewardCurves, RewardCurves]]


def smoothed(curves: RewardCurves) -> Floats:
    """Each problem's accuracies, averaged over neighbouring visits."""
    window = np.ones(SMOOTHING)
    weight = np.convolve(np.ones(len(curves.epochs)), window, "same")
    return np.array([np.convolve(row, window, "same") / weight for row in curves.accuracy])


def climbing(problems: int, epochs: int) -> Floats:
    """Problems of all difficulties, most of them getting easier, along logistic curves."""
    rng = np.random.default_rng(1)
    start, gain = rng.normal(0, 2.5, (problems, 1)), rng.exponential(3, (problems, 1))
    return 1 / (1 + np.exp(-start - gain * np.linspace(0, 1, epochs)))


def run(chances: Floats, rng: np.random.Generator) -> RewardCurves:
    """A run of eight samples per problem and epoch."""
    return RewardCurves(
        problem_ids=np.array([f"{i:06d}" for i in range(len(chances))]),
        epochs=np.arange(chances.shape[1]),
        accuracy=rng.binomial(SAMPLES, chances) / SAMPLES,
        score=np.full(chances.shape, np.nan),
        samples=np.full(chances.shape, SAMPLES, dtype=np.int32),
    )


def independent_pairs(chances: Floats, rng: np.random.Generator, pairs: int) -> Pairs:
    """Pairs of runs with these chances."""
    return ((run(chances, rng), run(chances, rng)) for _ in range(pairs))


def mean_overlap(pairs: Pairs, selector: Selector, rule: Rule) -> float:
    """Of the selections from the two runs of each pair."""
    return float(
        np.mean(
            [
                overlap(*(rule(one.problem_ids, selector.scores(one)) for one in pair))
                for pair in pairs
            ]
        )
    )


def compare(chances: Floats, selector: Selector, rule: Rule) -> dict[str, float]:
    """The truth and the two estimates."""
    rng = np.random.default_rng(0)
    seen = [run(chances, rng) for _ in range(RUNS)]
    estimates = {
        "posterior": [rerun_pairs(one, rng, PAIRS_PER_RUN) for one in seen],
        "observed": [independent_pairs(one.accuracy, rng, PAIRS_PER_RUN) for one in seen],
    }
    truth = mean_overlap(independent_pairs(chances, rng, TRUE_PAIRS), selector, rule)
    return {"truth": round(truth, 4)} | {
        name: round(float(np.mean([mean_overlap(p, selector, rule) for p in pairs])), 4)
        for name, pairs in estimates.items()
    }


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--curves", type=Path, default=DEFAULT_CURVES)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    published = smoothed(read_curves(arguments.curves))
    truths = {
        "published, smoothed, 44 visits": published,
        "published, smoothed, first 21 visits": published[:, :21],
        "logistic, 1,200 problems, 21 epochs": climbing(1200, 21),
        "logistic, 1,200 problems, 5 epochs": climbing(1200, 5),
    }
    found: dict[str, Any] = {
        name: {case: compare(chances, *parts) for case, parts in CASES.items()}
        for name, chances in truths.items()
    }
    write_results(found, arguments.results / "redraws.json")


if __name__ == "__main__":
    main()
