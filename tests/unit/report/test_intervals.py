import itertools

import numpy as np
import pytest
import scipy.stats

from limr.report.intervals import (
    bootstrap_interval,
    mean_interval,
    newcombe_interval,
    paired_change,
    wilson_interval,
)


@pytest.mark.parametrize(("solved", "n"), [(0, 200), (200, 200), (3, 10), (120, 500), (1, 1)])
def test_wilson_equals_scipy(solved, n):
    expected = scipy.stats.binomtest(solved, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(solved / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_bootstrap_agrees_with_scipy():
    shares = np.random.default_rng(3).beta(0.5, 1.0, size=150)
    expected = scipy.stats.bootstrap(
        (shares,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(9)
    ).confidence_interval
    # An end's Monte Carlo error at 4000 resamples, sqrt(q(1-q)/4000)/density, is 0.042 errors.
    tolerance = 0.12 * shares.std() / np.sqrt(len(shares))
    assert bootstrap_interval(shares) == pytest.approx((expected.low, expected.high), abs=tolerance)


def test_bootstrap_is_the_same_in_one_block_or_many(monkeypatch):
    shares = np.array([0.0, 0.25, 1.0, 0.5])
    whole = bootstrap_interval(shares, resamples=101)
    monkeypatch.setattr("limr.report.intervals._BLOCK", 12)
    assert bootstrap_interval(shares, resamples=101) == whole


def test_interval_is_reproducible_and_follows_the_seed():
    shares = np.linspace(0, 1, 21)
    assert mean_interval(shares) == mean_interval(shares)
    assert mean_interval(shares) != mean_interval(shares, seed=1)


@pytest.mark.parametrize("samples", [1, 4])
def test_interval_covers_the_truth_95_percent_of_the_time(samples):
    # Questions differ in difficulty; the truth is the mean over the population they are drawn from.
    rng = np.random.default_rng(0)
    a, b, trials, questions = 1.0, 1.5, 1500, 120
    truth = a / (a + b)
    covered = 0
    for _ in range(trials):
        difficulty = rng.beta(a, b, size=questions)
        shares = rng.binomial(samples, difficulty) / samples
        low, high = (
            mean_interval(shares) if samples == 1 else bootstrap_interval(shares, resamples=800)
        )
        covered += low <= truth <= high
    assert 0.93 < covered / trials < 0.97


def test_change_is_paired_by_question():
    # every question improves by 0.25, however hard: the change is certain, the accuracies are not
    before = {f"q{i}": share for i, share in enumerate([0.0, 0.25, 0.5, 0.75])}
    after = {name: share + 0.25 for name, share in before.items()}
    assert paired_change(before, after) == (0.25, 0.25, 0.25)


def test_change_agrees_with_scipy_on_the_differences():
    rng = np.random.default_rng(5)
    old, new = rng.binomial(4, 0.3, size=200) / 4, rng.binomial(4, 0.5, size=200) / 4
    expected = scipy.stats.bootstrap(
        (new - old,), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    mean, low, high = paired_change(
        {f"q{i}": float(x) for i, x in enumerate(old)},
        {f"q{i}": float(x) for i, x in enumerate(new)} | {"only after": 1.0},
    )
    assert mean == pytest.approx((new - old).mean())
    tolerance = 0.12 * (new - old).std() / np.sqrt(200)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=tolerance)


def table(both, gained, lost, neither):
    """0/1 answers before and after with these counts."""
    counts = [both, gained, lost, neither]
    return np.repeat([1.0, 0, 1, 0], counts), np.repeat([1.0, 1, 0, 0], counts)


def change(before, after):
    """`paired_change` of two vectors."""
    old, new = ({f"q{i}": float(x) for i, x in enumerate(v)} for v in (before, after))
    return paired_change(old, new)


def test_newcombe_by_hand():
    # Of 41, 14 solved both times, 5 gained, none lost, 22 never: shares 19/41 and 14/41.
    # Wilson, z^2 = 3.8415, z^2 / 4 = 0.96036:
    #   (19 + 1.9207 -+ 1.96 sqrt(19 * 22 / 41 + 0.96036)) / 44.8415 = 0.32056, 0.61253
    #   (14 + 1.9207 -+ 1.96 sqrt(14 * 27 / 41 + 0.96036)) / 44.8415 = 0.21559, 0.49450
    # phi = (14 * 22 - 0 - 41 / 2) / sqrt(19 * 22 * 14 * 27) = 287.5 / 397.497 = 0.72328
    mean, low, high = change(*table(14, 5, 0, 22))
    assert mean == pytest.approx(5 / 41)
    below, above = 19 / 41 - 0.32056, 0.49450 - 14 / 41
    width = (below**2 - 2 * 0.72328 * below * above + above**2) ** 0.5
    assert low == pytest.approx(5 / 41 - width, abs=1e-4)
    above, below = 0.61253 - 19 / 41, 14 / 41 - 0.21559
    width = (above**2 - 2 * 0.72328 * above * below + below**2) ** 0.5
    assert high == pytest.approx(5 / 41 + width, abs=1e-4)


def test_all_changed_alike_keeps_a_width():
    # phi is 0: Wilson's 8 of 8 is [0.67559, 1], 0 of 8 is [0, 0.32441]; 1 - 0.32441 sqrt(2)
    assert change(*table(0, 8, 0, 0)) == pytest.approx((1.0, 0.54122, 1.0), abs=1e-4)
    assert change(*table(0, 0, 8, 0)) == pytest.approx((-1.0, -1.0, -0.54122), abs=1e-4)


def test_none_changed_keeps_a_width():
    assert change(*table(0, 0, 0, 8)) == pytest.approx((0.0, -0.32441, 0.32441), abs=1e-4)
    mean, low, high = change(*table(5, 0, 0, 5))
    assert mean == 0.0
    assert low == pytest.approx(-high)
    assert high > 0.1


@pytest.mark.parametrize("counts", [(3, 9, 2, 6), (1, 2, 9, 0), (6, 1, 1, 4)])
def test_undoing_the_change_mirrors_the_interval(counts):
    before, after = table(*counts)
    mean, low, high = change(before, after)
    assert change(after, before) == pytest.approx((-mean, -high, -low))
    assert low < mean < high


@pytest.mark.parametrize(
    "cells",
    [
        (0.25, 0.25, 0.25, 0.25),
        (0.3, 0.3, 0.05, 0.35),
        (0.1, 0.2, 0.05, 0.65),
        (0.05, 0.8, 0.05, 0.1),
        (0.45, 0.05, 0.05, 0.45),
    ],
)
def test_change_of_few_questions_covers_the_truth(cells):
    # Exact: the probability of every table of 12 questions whose interval holds the true change.
    n, covered = 12, 0.0
    chance = scipy.stats.multinomial(n, cells)
    for counts in itertools.product(range(n + 1), repeat=3):
        if sum(counts) <= n:
            rows = (*counts, n - sum(counts))
            low, high = newcombe_interval(*table(*rows))
            covered += chance.pmf(rows) * (low <= cells[1] - cells[2] <= high)
    assert covered > 0.93


def test_change_needs_common_questions():
    with pytest.raises(ValueError, match="no question was measured both times"):
        paired_change({"a": 1.0}, {"b": 1.0})
