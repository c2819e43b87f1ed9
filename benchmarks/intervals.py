"""How often the 95 % intervals of `limr compare` hold the truth, where it is known.

    python -m benchmarks.intervals

Questions and seeds are drawn from made-up populations: the log-odds of a correct sample are the
arm's, plus a question's (standard deviation 1.5, the same in both arms), a seed's and a question's
under that seed (0.5). `crossed` is the percentile bootstrap that resamples seeds and questions at
once. Writes benchmarks/results/intervals.json, in percent.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.results_file import write_results
from limr.report.intervals import Estimate, Floats
from limr.report.seeds import accuracy_interval, difference_interval

ARM, BASELINE = 0.5, 0.1
"""Log-odds of a typical question."""
BETWEEN_QUESTIONS, WITHIN = 1.5, 0.5
RESAMPLES = 1000


class Case(NamedTuple):
    """One population and what is drawn from it."""

    seeds: int
    questions: int
    samples: int
    """Of each question; 1 as in greedy decoding."""
    between_seeds: float
    """Standard deviation of the seeds' log-odds."""


CASES = [
    Case(seeds, questions, samples, between_seeds)
    for samples, questions in ((1, 300), (4, 40))
    for between_seeds in (0.0, 0.15, 0.4)
    for seeds in (1, 3, 5)
]


def chances(
    level: float, questions: Floats, case: Case, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(S, Q) chance of a correct sample, by seed and question."""
    seeds = rng.normal(0, case.between_seeds, (case.seeds, 1))
    own = rng.normal(0, WITHIN, (case.seeds, len(questions)))
    return 1 / (1 + np.exp(-(level + questions + seeds + own)))


def true_mean(level: float, case: Case) -> float:
    """The mean chance over the population."""
    spread = (BETWEEN_QUESTIONS**2 + WITHIN**2 + case.between_seeds**2) ** 0.5
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    values = 1 / (1 + np.exp(-(level + spread * points)))
    return float((weights * values).sum() / weights.sum())


def crossed(shares: Floats, rng: np.random.Generator) -> Estimate:
    """Percentile bootstrap over seeds and questions at once."""
    weights = [rng.multinomial(n, [1 / n] * n, RESAMPLES) / n for n in shares.shape]
    means = ((weights[0] @ shares) * weights[1]).sum(axis=1)
    return Estimate(float(shares.mean()), *np.quantile(means, [0.025, 0.975]).tolist())


def coverage(case: Case, trials: int) -> dict[str, float]:
    """Share of trials, in percent, in which each interval held the truth."""
    rng = np.random.default_rng(0)
    arm, baseline = true_mean(ARM, case), true_mean(BASELINE, case)
    held: dict[str, int] = {}
    for _ in range(trials):
        questions = rng.normal(0, BETWEEN_QUESTIONS, case.questions)
        ours, theirs = (
            rng.binomial(case.samples, chances(level, questions, case, rng)) / case.samples
            for level in (ARM, BASELINE)
        )
        found = {
            "accuracy": (accuracy_interval([ours]), arm),
            "difference, seeds paired": (
                difference_interval([ours], [theirs], paired=True),
                arm - baseline,
            ),
            "difference, seeds apart": (
                difference_interval([ours], [theirs], paired=False),
                arm - baseline,
            ),
            "accuracy, crossed": (crossed(ours, rng), arm),
            "difference, crossed": (crossed(ours - theirs, rng), arm - baseline),
        }
        for name, (interval, truth) in found.items():
            held[name] = held.get(name, 0) + (interval.low <= truth <= interval.high)
    return {name: round(100 * count / trials, 1) for name, count in held.items()}


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    found = [case._asdict() | coverage(case, arguments.trials) for case in CASES]
    write_results(
        {"trials": arguments.trials, "cases": found}, arguments.results / "intervals.json"
    )


if __name__ == "__main__":
    main()
