r"""95 % intervals over seeds and questions: of an arm's accuracy and of two arms' difference.

A share of seed s on question q is modelled as :math:`\mu + a_s + b_q + e_{sq}`: seeds differ,
questions differ, and the rest (the luck of sampling, a seed's way with a question). The mean over S
seeds and Q questions then has the variance

.. math:: \sigma_a^2 / S + \sigma_b^2 / Q + \sigma_e^2 / (S Q).

The last two terms are those of the seeds' mean shares, one per question, whose interval over
questions is :mod:`limr.report.intervals`'. The first is the variance between the seeds' accuracies
less most of the rest's part in it, floored at 0; its margin is Student's t with the degrees of
freedom that S seeds leave. Both are added as the squares of independent errors, as Newcombe's
interval does with its two. Resampling seeds and questions at once, the crossed bootstrap, counts
the rest three times and the seeds' variance :math:`(S - 1) / S` times; docs/compare.md has what
each covers.

References:
    Owen 2007, The pigeonhole bootstrap, https://doi.org/10.1214/07-AOAS122 (what resampling both
    ways estimates);
    Zou and Donner 2008, https://doi.org/10.1002/sim.3095 (adding intervals by their squares).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from limr.report.intervals import CONFIDENCE, Estimate, Floats, change_of, mean_interval

_TAKEN_OFF = 0.75
"""How much of the rest's part is taken off the variance between seeds. Without bias it would be all
of it; but where that goes below 0, and the floor is met, the interval would be too narrow."""


def accuracy_interval(shares: Sequence[Floats]) -> Estimate:
    """Mean accuracy over benchmarks, seeds and questions, with its 95 % interval.

    With one seed it is :func:`mean_interval`, and says nothing about other seeds.

    Args:
        shares: For each benchmark (S, Q), share of correct samples by seed and question; the same
            seeds in the same order in each. Questions of two benchmarks have nothing in common.

    Example:
        >>> accuracy_interval([np.array([[0.0, 0.5, 1.0, 0.5], [0.0, 0.5, 1.0, 0.5]])])
        Estimate(value=0.5, low=0.125, high=0.875)
    """
    parts = []
    for part in shares:
        means = part.mean(axis=0)
        parts.append(Estimate(float(means.mean()), *mean_interval(means)))
    return _combined(parts, _Spread.of(shares).margin, lowest=0.0)


def difference_interval(
    arm: Sequence[Floats], baseline: Sequence[Floats], *, paired: bool
) -> Estimate:
    """Difference arm - baseline of the mean accuracies, with its 95 % interval.

    Questions are always paired. With one seed of each it is :func:`paired_change`.

    Args:
        arm: For each benchmark (S, Q), as :func:`accuracy_interval` takes it.
        baseline: For each benchmark (S', Q), of the same questions.
        paired: Whether the seeds are the same in the same order, each compared with itself; else
            they are taken as independent. An arm of one seed is then taken to vary as the other.

    Raises:
        ValueError: If seeds are paired that are not of the same number.
    """
    if paired and len(arm[0]) != len(baseline[0]):
        raise ValueError(f"{len(arm[0])} seeds cannot be paired with {len(baseline[0])}")
    parts = [
        change_of(old.mean(axis=0), new.mean(axis=0))
        for new, old in zip(arm, baseline, strict=True)
    ]
    if paired:
        spread = _Spread.of([new - old for new, old in zip(arm, baseline, strict=True)])
    else:
        spread = _Spread.of(arm).beside(_Spread.of(baseline))
    return _combined(parts, spread.margin, lowest=-1.0)


class _Spread(NamedTuple):
    """What the choice of seeds contributes to a mean's variance."""

    variance: float
    """Of the mean over the seeds."""
    seeds: int
    freedom: float
    """Degrees of freedom of `variance`."""

    @classmethod
    def of(cls, shares: Sequence[Floats]) -> "_Spread":
        """Estimate it from each benchmark's (S, Q) shares, by the two-way analysis of variance."""
        seeds = len(shares[0])
        if seeds < 2:
            return cls(0.0, seeds, 0.0)
        between = np.mean([part.mean(axis=1) for part in shares], axis=0).var(ddof=1)
        rest = sum(_residual(part) / part.shape[1] for part in shares) / len(shares) ** 2
        variance = max(0.0, float(between) - _TAKEN_OFF * rest) / seeds
        return cls(variance, seeds, seeds - 1.0)

    @property
    def margin(self) -> float:
        """Half the width of the interval that it alone would make."""
        if not self.freedom:
            return 0.0
        return float(student.ppf((1 + CONFIDENCE) / 2, self.freedom) * self.variance**0.5)

    def beside(self, other: "_Spread") -> "_Spread":
        """That of the difference of two independent means (Welch)."""
        seeds = self.seeds + other.seeds
        if min(self.seeds, other.seeds) < 2:  # of a single seed nothing is known: as the others
            known = max(self, other, key=lambda spread: spread.seeds)
            return _Spread(known.variance * (1 + known.seeds), seeds, known.freedom)
        total = self.variance + other.variance
        parts = self.variance**2 / self.freedom + other.variance**2 / other.freedom
        return _Spread(total, seeds, total**2 / parts if parts else self.freedom)


def _residual(part: Floats) -> float:
    """Mean square of what neither the seed nor the question explains, 0 for a single question."""
    seeds, questions = part.shape
    if questions < 2:
        return 0.0
    rest = part - part.mean(axis=0) - part.mean(axis=1, keepdims=True) + part.mean()
    return float((rest**2).sum() / ((seeds - 1) * (questions - 1)))


def _combined(parts: Sequence[Estimate], margin: float, *, lowest: float) -> Estimate:
    """The mean of independent estimates, with a further margin to both sides, within its bounds."""
    value = float(np.mean([part.value for part in parts]))
    below = sum((part.value - part.low) ** 2 for part in parts) / len(parts) ** 2
    above = sum((part.high - part.value) ** 2 for part in parts) / len(parts) ** 2
    low, high = value - (below + margin**2) ** 0.5, value + (above + margin**2) ** 0.5
    return Estimate(value, max(lowest, low), min(1.0, high))
