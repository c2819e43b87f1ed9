"""The methods as objects: what a YAML names by class path, and the command line by name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np

from limr.selection.scores import (
    Floats,
    Missing,
    alignment_scores,
    linear_scores,
    mean_band_scores,
    pass_rate_scores,
    random_scores,
    slope_scores,
    variance_scores,
)
from limr.trajectories.curves import RewardCurves

RewardKind = Literal["accuracy", "score"]
"""What r is: the share of correct responses, as in LIMR's released code, or the mean score."""


class Selector(ABC):
    """Scores problems by their reward curves; the higher, the sooner a problem is chosen."""

    default_threshold: ClassVar[float | None] = None
    """Where the method itself says from which score on a problem is worth training on."""

    @abstractmethod
    def scores(self, curves: RewardCurves) -> Floats:
        """One score per problem.

        Args:
            curves: Of N problems.

        Returns:
            ``(N,)`` float64, NaN where a problem cannot be scored.

        Raises:
            ValueError: If the curves lack the reward that the method reads.
        """


@dataclass(frozen=True)
class LIM(Selector):
    """Closest to the average curve (:func:`limr.selection.scores.alignment_scores`)."""

    default_threshold: ClassVar[float | None] = 0.6
    reward: RewardKind = "accuracy"
    missing: Missing = "backfill"

    def scores(self, curves: RewardCurves) -> Floats:
        """At most 1."""
        rewards = _rewards(curves, self.reward)
        return alignment_scores(rewards, missing=self.missing, weights=curves.weights)


@dataclass(frozen=True)
class Linear(Selector):
    """Closest to a steady climb from 0 to 1 (:func:`limr.selection.scores.linear_scores`)."""

    default_threshold: ClassVar[float | None] = 0.7
    reward: RewardKind = "accuracy"
    missing: Missing = "backfill"

    def scores(self, curves: RewardCurves) -> Floats:
        """At most 1."""
        return linear_scores(_rewards(curves, self.reward), missing=self.missing)


@dataclass(frozen=True)
class Random(Selector):
    """Any (:func:`limr.selection.scores.random_scores`), those never seen too."""

    seed: int = 0

    def scores(self, curves: RewardCurves) -> Floats:
        """Uniform in (0, 1]."""
        return random_scores(curves.problem_ids, self.seed)


@dataclass(frozen=True)
class Variance(Selector):
    """Most often undecided (:func:`limr.selection.scores.variance_scores`)."""

    def scores(self, curves: RewardCurves) -> Floats:
        """In [0, 1/4]."""
        return variance_scores(curves.accuracy)


@dataclass(frozen=True)
class MeanBand(Selector):
    """Of average difficulty (:func:`limr.selection.scores.mean_band_scores`)."""

    reward: RewardKind = "accuracy"

    def scores(self, curves: RewardCurves) -> Floats:
        """At most 0."""
        return mean_band_scores(_rewards(curves, self.reward))


@dataclass(frozen=True)
class PassRate(Selector):
    """Solved now and then in the first epoch (:func:`limr.selection.scores.pass_rate_scores`)."""

    default_threshold: ClassVar[float | None] = 0.0
    low: float = 0.25
    high: float = 0.75

    def scores(self, curves: RewardCurves) -> Floats:
        """At least 0 within the band."""
        return pass_rate_scores(curves.accuracy, low=self.low, high=self.high)


@dataclass(frozen=True)
class Slope(Selector):
    """Improving fastest (:func:`limr.selection.scores.slope_scores`)."""

    reward: RewardKind = "accuracy"

    def scores(self, curves: RewardCurves) -> Floats:
        """Reward per epoch."""
        return slope_scores(_rewards(curves, self.reward), curves.epochs)


METHODS: Mapping[str, type[Selector]] = MappingProxyType(
    {
        "lim": LIM,
        "linear": Linear,
        "random": Random,
        "variance": Variance,
        "mean_band": MeanBand,
        "pass_rate": PassRate,
        "slope": Slope,
    }
)
"""The methods' names on the command line."""


def _rewards(curves: RewardCurves, reward: RewardKind) -> Floats:
    if reward == "accuracy":
        return curves.accuracy
    if reward != "score":
        raise ValueError(f"reward must be accuracy or score, got {reward!r}")
    unknown = np.isnan(curves.score) & ~np.isnan(curves.accuracy)
    if unknown.any():
        row, column = np.argwhere(unknown)[0]
        raise ValueError(
            f"problem {curves.problem_ids[row]} has an accuracy but no score in epoch "
            f"{curves.epochs[column]}; set reward: accuracy"
        )
    return curves.score
