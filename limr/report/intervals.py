"""95 % intervals over questions: of a mean, and of the change between two measurements."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
"""Level of every interval shown or logged."""

_BLOCK = 2**22
"""Bootstrap draws held in memory at once."""


class Estimate(NamedTuple):
    """A mean over questions with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def wilson_interval(share: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a binomial share: `share` of `n` independent yes/no trials.

    Unlike the bootstrap it keeps a width when all trials agree: none of 200 solved is [0, 0.019].

    References:
        Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    z = float(norm.ppf((1 + confidence) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_interval(
    values: Floats, *, confidence: float = CONFIDENCE, resamples: int = 4000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values`, resampling questions.

    Args:
        values: (Q,) one value per question.
        confidence: Coverage aimed at, in (0, 1).
        resamples: Bootstrap samples; at 4000 the ends wobble by 4 % of the standard error.
        seed: Fixed, so that a table printed twice is the same table.

    References:
        Efron 1979, https://doi.org/10.1214/aos/1176344552
    """
    rng = np.random.default_rng(seed)
    size = len(values)
    rows = max(1, _BLOCK // size)
    means = np.concatenate(
        [
            values[rng.integers(size, size=(min(rows, resamples - start), size))].mean(axis=1)
            for start in range(0, resamples, rows)
        ]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def mean_interval(values: Floats, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of (Q,) values, one per question.

    Questions are resampled.
    When every value is 0 or 1 (one sample, greedy decoding) the number of solved questions is
    binomial and Wilson's interval is used: it stays right near 0 and 1, where the bootstrap
    collapses.
    """
    if np.isin(values, (0.0, 1.0)).all():
        return wilson_interval(float(values.mean()), len(values))
    return bootstrap_interval(values, seed=seed)


def newcombe_interval(
    before: Floats, after: Floats, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    r"""Newcombe's interval of the change of a share of yes among the same :math:`n` questions.

    The two Wilson intervals :math:`[l_1, u_1]` of the later share :math:`p_1` and :math:`[l_2,
    u_2]` of the earlier :math:`p_2` are squared and added like independent errors, less what the
    pairing takes away by the correlation :math:`\phi` of the two answers:

    .. math::
        p_1 - p_2 - \sqrt{(p_1 - l_1)^2 - 2 \phi (p_1 - l_1)(u_2 - p_2) + (u_2 - p_2)^2}
        \quad\text{to}\quad
        p_1 - p_2 + \sqrt{(u_1 - p_1)^2 - 2 \phi (u_1 - p_1)(p_2 - l_2) + (p_2 - l_2)^2}

    A positive :math:`\phi` is continuity-corrected by :math:`n / 2`, and is 0 when one share is
    0 or 1. Unlike the bootstrap the interval keeps a width when all questions change alike.

    Args:
        before: (Q,) 0 or 1 per question.
        after: (Q,) the same, later.
        confidence: Coverage aimed at, in (0, 1).

    References:
        Newcombe 1998, Statistics in Medicine 17, 2635-2650, method 10,
        https://doi.org/10.1002/(SICI)1097-0258(19981130)17:22%3C2635::AID-SIM954%3E3.0.CO;2-C

    Example:
        >>> low, high = newcombe_interval(np.zeros(8), np.ones(8))
        >>> round(low, 3), round(high, 3)
        (0.541, 1.0)
    """
    n = len(before)
    p1, p2 = float(after.mean()), float(before.mean())
    (l1, u1), (l2, u2) = (wilson_interval(p, n, confidence) for p in (p1, p2))
    # ad - bc of the 2 x 2 table, over n^2
    association = float((before * after).mean()) - p1 * p2
    if association > 0:
        association = max(0.0, association - 1 / (2 * n))
    scale = float(np.sqrt(p1 * (1 - p1) * p2 * (1 - p2)))
    phi = association / scale if scale else 0.0

    def add(a: float, b: float) -> float:
        return float(np.sqrt(max(0.0, a**2 - 2 * phi * a * b + b**2)))

    return p1 - p2 - add(p1 - l1, u2 - p2), p1 - p2 + add(u1 - p1, p2 - l2)


def paired_change(
    before: Mapping[str, float], after: Mapping[str, float], *, seed: int = 0
) -> Estimate:
    """Mean change of the questions measured both times, with its 95 % interval.

    Each question is compared with itself, so that some questions being harder than others does not
    widen the interval; it is narrower than the two intervals of the accuracies suggest. It is
    Newcombe's where every share is 0 or 1, as Wilson's in :func:`mean_interval`, and the
    bootstrap's over questions otherwise.

    Args:
        before: Share of correct samples by question.
        after: The same, later.
        seed: Seed of the bootstrap over questions.

    Returns:
        Mean, low and high, each in [-1, 1].

    Raises:
        ValueError: If no question was measured both times.
    """
    both = sorted(before.keys() & after.keys())
    if not both:
        raise ValueError("nothing to compare: no question was measured both times")
    old, new = (np.array([shares[key] for key in both]) for shares in (before, after))
    return change_of(old, new, seed=seed)


def change_of(before: Floats, after: Floats, *, seed: int = 0) -> Estimate:
    """As :func:`paired_change`, of (Q,) shares of the same questions in the same order."""
    changes = after - before
    value = float(changes.mean())
    if np.isin([before, after], (0.0, 1.0)).all():
        return Estimate(value, *newcombe_interval(before, after))
    return Estimate(value, *bootstrap_interval(changes, seed=seed))
