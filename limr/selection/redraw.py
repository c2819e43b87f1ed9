r"""What another run would have seen: new responses from chances that the old ones make plausible.

Only the luck of sampling is modelled. A real second run would also train another policy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import betaln

from limr.selection.scores import Floats, divide
from limr.trajectories.curves import RewardCurves

WINDOWS = (1, 2, 4, 8)
"""Epochs on either side of an epoch that may tell about the chance in it."""

_LOG_WEIGHT_RANGE = (-3.0, 9.0)


def rerun_pairs(
    curves: RewardCurves, rng: np.random.Generator, pairs: int
) -> Iterator[tuple[RewardCurves, RewardCurves]]:
    r"""Pairs of runs as independent of each other as two real ones with the same policies.

    Each pair first draws every problem's chance of success in each epoch, then both runs' numbers
    of correct responses from it, as many responses as were seen:

    .. math:: p_i^k \sim \mathrm{Beta}(x_i^k + c \, q_i^k,\; n_i^k - x_i^k + c \, (1 - q_i^k)),
              \qquad x, x' \sim \mathrm{Binomial}(n_i^k, p_i^k)

    with x of n responses correct. The prior's mean q is the problem's share of correct responses in
    the w epochs before and after (one response of average luck added); its weight c and w, out of
    :data:`WINDOWS`, are the likeliest given all problems and epochs. Drawing both runs at the
    observed share x/n instead would add noise to noise, as x/n is noisy already: curves get
    rougher, so that fewer pass a threshold, while problems lie further apart than they do.
    docs/selection.md measures both against the truth.

    Scores are redrawn too where they are those of the rule-based reward (+1 / -0.5 / -1): the
    number of malformed ones among the responses that are not correct follows in the same way.

    Args:
        curves: Of N problems over K epochs.
        rng: The source of randomness.
        pairs: How many pairs to yield.

    Yields:
        Two :class:`RewardCurves` with the same problems, epochs and numbers of responses; `score`
        is NaN where the original's is no mean of +1 / -0.5 / -1.

    Raises:
        ValueError: If an accuracy is no share of its number of responses.
    """
    trials = curves.samples.astype(np.float64)
    correct = _correct_counts(curves, trials)
    chance = _Beta.posterior(correct, trials)
    malformed = _malformed_counts(curves.score, correct, trials)
    spoiled = None if malformed is None else _Beta.posterior(malformed, trials - correct)
    for _ in range(pairs):
        p = chance.draw(rng)
        h = None if spoiled is None else spoiled.draw(rng)
        yield _run(curves, p, h, rng), _run(curves, p, h, rng)


@dataclass(frozen=True)
class _Beta:
    """A beta distribution for each problem and epoch."""

    successes: Floats
    failures: Floats

    @classmethod
    def posterior(cls, successes: Floats, trials: Floats) -> "_Beta":
        """From the prior that :func:`rerun_pairs` describes."""
        average = (successes.sum() + 1) / (trials.sum() + 2)
        fits = []
        for window in WINDOWS:
            around = [_around(counts, window) for counts in (successes, trials)]
            mean = (around[0] + average) / (around[1] + 1)
            fits.append((*_likeliest_weight(successes, trials, mean), mean))
        _, weight, mean = min(fits, key=lambda fit: fit[0])
        return cls(successes + weight * mean, trials - successes + weight * (1 - mean))

    def draw(self, rng: np.random.Generator) -> Floats:
        return rng.beta(self.successes, self.failures)


def _likeliest_weight(successes: Floats, trials: Floats, mean: Floats) -> tuple[float, float]:
    """Minus the log-likelihood, and the prior's weight that makes it smallest."""
    seen = trials > 0
    x, n, q = successes[seen], trials[seen], mean[seen]

    def misfit(log_weight: float) -> float:
        prior = np.exp(log_weight) * q, np.exp(log_weight) * (1 - q)
        return -float((betaln(x + prior[0], n - x + prior[1]) - betaln(*prior)).sum())

    best = minimize_scalar(misfit, bounds=_LOG_WEIGHT_RANGE, method="bounded")
    return float(best.fun), float(np.exp(best.x))


def _around(counts: Floats, window: int) -> Floats:
    """Sums over the epochs up to `window` before and after each one, itself left out."""
    epochs = counts.shape[1]
    total = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    at = np.arange(epochs)
    start, stop = np.maximum(at - window, 0), np.minimum(at + window + 1, epochs)
    around: Floats = total[:, stop] - total[:, start] - counts
    return around


def _correct_counts(curves: RewardCurves, trials: Floats) -> Floats:
    counts = np.where(trials > 0, np.nan_to_num(curves.accuracy) * trials, 0.0)
    whole = np.rint(counts)
    off = np.abs(counts - whole) > 1e-3
    if off.any():
        row, column = np.argwhere(off)[0]
        raise ValueError(
            f"problem {curves.problem_ids[row]}, epoch {curves.epochs[column]}: accuracy "
            f"{curves.accuracy[row, column]} is no share of {curves.samples[row, column]} "
            "responses; correct the number of samples per epoch"
        )
    return whole


def _malformed_counts(score: Floats, correct: Floats, trials: Floats) -> Floats | None:
    """How many responses scored -1, or None if some score is no mean of +1, -0.5 and -1."""
    incorrect = trials - correct
    counts = 2 * (correct - 0.5 * incorrect - np.where(trials > 0, score, 0.0) * trials)
    whole = np.rint(counts)
    fits = (np.abs(counts - whole) < 1e-3) & (whole >= 0) & (whole <= incorrect)
    return whole if fits.all() else None


def _run(
    curves: RewardCurves, chance: Floats, spoiled: Floats | None, rng: np.random.Generator
) -> RewardCurves:
    trials = curves.samples
    correct = rng.binomial(trials, chance)
    if spoiled is None:
        score = np.full(trials.shape, np.nan)
    else:
        malformed = rng.binomial(trials - correct, spoiled)
        total = 1.5 * correct - 0.5 * trials - 0.5 * malformed
        score = divide(total, trials, otherwise=np.nan)
    return replace(curves, accuracy=divide(correct, trials, otherwise=np.nan), score=score)
