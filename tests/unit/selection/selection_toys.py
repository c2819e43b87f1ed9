"""Reward curves for the tests."""

import numpy as np

from limr.trajectories.curves import RewardCurves


def make_curves(accuracy, *, score=None, samples=8, epochs=None):
    """Curves from rows of accuracies; ids are p0, p1 and so on (up to ten), scores NaN."""
    accuracy = np.array(accuracy, dtype=np.float64)
    seen = ~np.isnan(accuracy)
    return RewardCurves(
        problem_ids=np.array(
            [f"p{i:0{len(str(len(accuracy) - 1))}}" for i in range(len(accuracy))]
        ),
        epochs=np.arange(accuracy.shape[1]) if epochs is None else np.array(epochs),
        accuracy=accuracy,
        score=np.full(accuracy.shape, np.nan) if score is None else np.array(score),
        samples=np.where(seen, samples, 0).astype(np.int32),
    )


def climbing_chances(problems, epochs, seed):
    """(problems, epochs) chances of success of problems of all difficulties that get easier."""
    rng = np.random.default_rng(seed)
    start = rng.normal(0, 2.5, (problems, 1))
    return 1 / (1 + np.exp(-start - rng.exponential(3, (problems, 1)) * np.linspace(0, 1, epochs)))
