r"""What each problem taught the policy, in one number: one pure function per method.

Curves are ``(N, K)``: :math:`r_i^k` is problem i's reward in epoch k, NaN where it was not seen.
Scores are ``(N,)`` float64: higher = choose first, NaN = not eligible.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from limr.seeding import derive_seed

Floats = NDArray[np.float64]
Missing = Literal["backfill", "ignore", "drop"]


def alignment_scores(
    curves: Floats, *, missing: Missing = "backfill", weights: Floats | None = None
) -> Floats:
    r"""LIM: how closely a problem's curve follows the average curve.

    .. math:: s_i = 1 - \frac{\sum_k (r_i^k - m^k)^2}{\sum_k (1 - m^k)^2}

    with :math:`m` the average curve of the eligible problems (:func:`mean_reward_curve`). Two
    remarks: the score stays the same when rewards are rescaled by any affine map that leaves 1
    where it is, so accuracies and rewards of +1 / -0.5 give the same scores; and a problem that is
    always solved scores 0, whatever the average.

    What to do about a problem that was not seen in some epoch:

    * ``backfill``: as the released code does. A missing epoch takes the reward of the epoch right
      after it, if the problem was seen then; who still misses an epoch is not eligible.
    * ``ignore``: both sums run over the epochs in which the problem was seen; so does each epoch's
      mean over the problems.
    * ``drop``: who misses an epoch is not eligible.

    Where the average curve is 1 throughout, every reward is 1 and the formula reads 0/0. The
    score is then 0, as it is for an always-solved problem under any other average curve.

    Args:
        curves: ``(N, K)`` float, at most 1.
        missing: The rule for epochs without a reward.
        weights: ``(N, K)`` float > 0 where a reward is seen: how many problems the cell stands for
            in the average curve, which is then a weighted mean. For a run that visits some problems
            less often than others; None counts each once.

    Returns:
        ``(N,)`` float64, at most 1 (on the average curve), NaN where not eligible.

    Raises:
        ValueError: If the curves are not two-dimensional, infinite or above 1, the rule is unknown,
            or weights are not positive where a reward is seen.

    References:
        Li et al. 2025 (LIMR), https://arxiv.org/abs/2502.11886, section 2.2.

    Example:
        >>> curves = np.array([[0.0, 0.5], [0.25, 0.5], [0.5, 0.5]])
        >>> alignment_scores(curves).round(3).tolist()
        [0.923, 1.0, 0.923]
    """
    average = mean_reward_curve(curves, missing=missing, weights=weights)
    return _agreement(_eligible_curves(curves, missing), average)


def mean_reward_curve(
    curves: Floats, *, missing: Missing = "backfill", weights: Floats | None = None
) -> Floats:
    r"""The average curve :math:`m^k`, the mean over the problems that LIM compares with it.

    Args:
        curves: ``(N, K)`` float, at most 1.
        missing: As in :func:`alignment_scores`.
        weights: As in :func:`alignment_scores`.

    Returns:
        ``(K,)`` float64, NaN for an epoch without an eligible problem.

    Raises:
        ValueError: As :func:`alignment_scores`.

    Example:
        >>> mean_reward_curve(np.array([[0.0, 0.5], [np.nan, 1.0], [0.5, np.nan]])).tolist()
        [0.5, 0.75]
    """
    eligible = _eligible_curves(curves, missing)
    if weights is None:
        return _mean_over_seen(eligible, axis=0)
    seen = ~np.isnan(eligible)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != seen.shape or not (weights[seen] > 0).all():
        raise ValueError(
            f"weights must be {seen.shape}, above 0 where a reward is seen; got {weights.shape}"
        )
    total = np.where(seen, weights * eligible, 0.0).sum(axis=0)
    return divide(total, np.where(seen, weights, 0.0).sum(axis=0), otherwise=np.nan)


def linear_scores(curves: Floats, *, missing: Missing = "backfill") -> Floats:
    r"""LINEAR: LIM's formula with a steady climb from 0 to 1 in place of the average curve.

    .. math:: s_i = 1 - \frac{\sum_k (r_i^k - t^k)^2}{\sum_k (1 - t^k)^2}, \qquad
              t^k = \frac{k - 1}{K - 1}

    The paper says only that its LINEAR favours problems that improve steadily over the epochs,
    with threshold 0.7; its code was not released, so this definition is limr's. On published
    trajectories it is the one of several candidates whose share at 0.7 is near the paper's
    (docs/selection.md).

    Args:
        curves: ``(N, K)`` float, at most 1.
        missing: As in :func:`alignment_scores`; under ``ignore``, two seen epochs are the least.

    Returns:
        ``(N,)`` float64, at most 1, NaN where not eligible; all NaN for K < 2.

    Raises:
        ValueError: As :func:`alignment_scores`.

    References:
        The idea: Li et al. 2025 (LIMR), https://arxiv.org/abs/2502.11886, section 2.3.

    Example:
        >>> linear_scores(np.array([[0.0, 0.5, 1.0], [1.0, 1.0, 1.0], [1.0, 0.5, 0.0]])).tolist()
        [1.0, 0.0, -0.6000000000000001]
    """
    eligible = _eligible_curves(curves, missing)
    epochs = eligible.shape[1]
    if epochs < 2:
        return np.full(len(eligible), np.nan)
    scores = _agreement(eligible, np.arange(epochs) / (epochs - 1))
    return np.where((~np.isnan(eligible)).sum(axis=1) >= 2, scores, np.nan)


def random_scores(problem_ids: Sequence[str] | NDArray[np.str_], seed: int) -> Floats:
    """RAND: uniform in (0, 1], decided by the seed and the problem's id alone.

    The k highest are the first k of :func:`limr.data.loaders.hashed_order` under the same seed.

    Args:
        problem_ids: N ids.
        seed: Any whole number.

    Returns:
        ``(N,)`` float64; no problem is ineligible.
    """
    places = [derive_seed(seed, str(identifier)) for identifier in problem_ids]
    return 1.0 - np.array(places, dtype=np.float64) / 2.0**63


def variance_scores(accuracy: Floats) -> Floats:
    r"""Mean variance of a single response's outcome: :math:`\overline{p (1 - p)}` over seen epochs.

    What a critic-free estimator's advantages are made of; 1/4 at most.

    Args:
        accuracy: ``(N, K)`` float in [0, 1].

    Returns:
        ``(N,)`` float64, NaN for a problem never seen.

    Raises:
        ValueError: If a value lies outside [0, 1].

    Example:
        >>> variance_scores(np.array([[0.5, 1.0], [0.5, np.nan], [0.0, 0.0]])).tolist()
        [0.125, 0.25, 0.0]
    """
    accuracy = _checked_accuracy(accuracy)
    return _mean_over_seen(accuracy * (1 - accuracy), axis=1)


def mean_band_scores(curves: Floats) -> Floats:
    r"""Minus the distance of a problem's mean reward from the mean of all problems' means.

    What is left of LIM when the epochs are averaged first: the baseline that LIM has to beat.

    Args:
        curves: ``(N, K)`` float, at most 1; means are over seen epochs.

    Returns:
        ``(N,)`` float64, at most 0, NaN for a problem never seen.

    Raises:
        ValueError: As :func:`alignment_scores`.

    Example:
        >>> mean_band_scores(np.array([[0.0, 0.0], [0.25, 0.75], [1.0, 1.0]])).tolist()
        [-0.5, -0.0, -0.5]
    """
    means = _mean_over_seen(_checked(curves), axis=1)
    return -np.abs(means - _mean_over_seen(means, axis=0))


def pass_rate_scores(accuracy: Floats, *, low: float, high: float) -> Floats:
    r"""How deep within a band of pass rates the first epoch lies.

    .. math:: s_i = 1 - \frac{|r_i^1 - c|}{h}, \qquad c = \frac{low + high}{2}, \quad
              h = \frac{high - low}{2}

    1 in the middle of the band, 0 on its edges, below 0 outside. The first epoch is sampled from
    (nearly) the base model, so one sampling pass is enough and no training run is needed.

    Args:
        accuracy: ``(N, K)`` float in [0, 1]; only the first column is read.
        low: Lower edge of the band.
        high: Upper edge, above `low`.

    Returns:
        ``(N,)`` float64, NaN for a problem not seen in the first epoch; all NaN for K = 0.

    Raises:
        ValueError: If a value lies outside [0, 1], or the edges are not 0 <= low < high <= 1.

    Example:
        >>> pass_rate_scores(np.array([[0.5], [0.75], [1.0]]), low=0.25, high=0.75).tolist()
        [1.0, 0.0, -1.0]
    """
    if not 0 <= low < high <= 1:
        raise ValueError(f"the band must satisfy 0 <= low < high <= 1, got [{low}, {high}]")
    first = _mean_over_seen(_checked_accuracy(accuracy)[:, :1], axis=1)
    return 1 - np.abs(first - (low + high) / 2) / ((high - low) / 2)


def slope_scores(curves: Floats, epochs: NDArray[np.int64]) -> Floats:
    r"""Learning progress: the slope of the least-squares line through the seen epochs.

    .. math:: b_i = \frac{\sum_k (k - \bar k_i) \, r_i^k}{\sum_k (k - \bar k_i)^2}

    Args:
        curves: ``(N, K)`` float, at most 1.
        epochs: ``(K,)`` the epochs' numbers.

    Returns:
        ``(N,)`` float64, reward per epoch, NaN for a problem seen in fewer than two epochs.

    Raises:
        ValueError: As :func:`alignment_scores`.

    Example:
        >>> slope_scores(np.array([[0.0, np.nan, 0.5], [1.0, 0.5, 0.0]]), np.arange(3)).tolist()
        [0.25, -0.5]
    """
    curves = _checked(curves)
    seen = ~np.isnan(curves)
    times = np.where(seen, np.asarray(epochs, dtype=np.float64), np.nan)
    centred = np.where(seen, times - _mean_over_seen(times, axis=1)[:, None], 0.0)
    covariance = (centred * np.where(seen, curves, 0.0)).sum(axis=1)
    spread = (centred**2).sum(axis=1)
    return divide(covariance, spread, otherwise=np.nan)


def divide(numerator: NDArray[Any], denominator: NDArray[Any], *, otherwise: float) -> Floats:
    """Elementwise quotient; `otherwise` where the denominator is not positive."""
    result: Floats = np.full(np.shape(numerator), otherwise)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def _checked(curves: Floats) -> Floats:
    curves = np.asarray(curves, dtype=np.float64)
    if curves.ndim != 2:
        raise ValueError(f"curves must be (problems, epochs), got shape {curves.shape}")
    bad = np.isinf(curves) | (curves > 1)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"rewards must be finite and at most 1, the reward of a correct response; row {row}, "
            f"column {column} is {curves[row, column]}"
        )
    return curves


def _checked_accuracy(accuracy: Floats) -> Floats:
    accuracy = _checked(accuracy)
    if (accuracy < 0).any():
        row, column = np.argwhere(accuracy < 0)[0]
        raise ValueError(
            f"accuracies must lie in [0, 1]; row {row}, column {column} is {accuracy[row, column]}"
        )
    return accuracy


def _eligible_curves(curves: Floats, missing: Missing) -> Floats:
    """Checked curves after the rule for missing epochs; all NaN in the rows it rules out."""
    curves = _checked(curves)
    if missing == "ignore":
        return curves
    if missing == "backfill":
        curves = curves.copy()
        curves[:, :-1] = np.where(np.isnan(curves[:, :-1]), curves[:, 1:], curves[:, :-1])
    elif missing != "drop":
        raise ValueError(f"missing must be backfill, ignore or drop, got {missing!r}")
    return np.where(np.isnan(curves).any(axis=1, keepdims=True), np.nan, curves)


def _mean_over_seen(values: Floats, axis: int) -> Floats:
    seen = ~np.isnan(values)
    count = seen.sum(axis=axis)
    return divide(np.where(seen, values, 0.0).sum(axis=axis), count, otherwise=np.nan)


def _agreement(curves: Floats, target: Floats) -> Floats:
    """1 - squared distance from the target / the target's from 1; 0 where the latter is 0."""
    seen = ~np.isnan(curves)
    distance = np.where(seen, curves - target, 0.0)
    room = np.where(seen, 1 - target, 0.0)
    share = divide((distance**2).sum(axis=1), (room**2).sum(axis=1), otherwise=1.0)
    return np.where(seen.any(axis=1), 1 - share, np.nan)
