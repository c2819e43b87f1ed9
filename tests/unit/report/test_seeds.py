import numpy as np
import pytest
from scipy import stats

from benchmarks.intervals import Case, coverage
from limr.report.intervals import mean_interval, paired_change
from limr.report.seeds import accuracy_interval, difference_interval


def shares(seeds, questions=60, samples=4, spread=0.1, start=0):
    """Made-up shares of correct samples; accuracies differ from seed to seed by `spread`."""
    rng = np.random.default_rng(start)
    chance = rng.beta(2, 2, questions) + spread * rng.normal(size=(seeds, 1))
    return rng.binomial(samples, np.clip(chance, 0, 1)) / samples


@pytest.mark.parametrize("samples", [1, 4])
def test_one_seed_is_the_interval_over_questions(samples):
    part = shares(1, samples=samples)
    found = accuracy_interval([part])
    assert found == pytest.approx((part.mean(), *mean_interval(part[0])))


@pytest.mark.parametrize("samples", [1, 4])
def test_one_seed_each_is_the_paired_change(samples):
    arm, baseline = shares(1, samples=samples), shares(1, samples=samples, start=1)
    expected = paired_change(*(dict(enumerate(part[0].tolist())) for part in (baseline, arm)))
    for paired in (True, False):
        found = difference_interval([arm], [baseline], paired=paired)
        assert found == pytest.approx(expected)


def test_where_only_seeds_differ_it_is_students_interval():
    # Every question fares alike under a seed: no variance is left but that between the seeds.
    accuracies = np.array([0.4, 0.5, 0.45])
    found = accuracy_interval([np.repeat(accuracies[:, None], 50, axis=1)])
    error = accuracies.std(ddof=1) / 3**0.5
    expected = stats.t.interval(0.95, 2, loc=accuracies.mean(), scale=error)
    assert found == pytest.approx((accuracies.mean(), *expected))


def test_seeds_apart_are_welchs_and_paired_are_students_on_differences():
    arm, baseline = np.array([0.40, 0.50, 0.45, 0.47]), np.array([0.30, 0.42, 0.33, 0.37])
    wide = [np.repeat(part[:, None], 50, axis=1) for part in (arm, baseline)]
    expected = stats.ttest_ind(arm, baseline, equal_var=False).confidence_interval()
    found = difference_interval([wide[0]], [wide[1]], paired=False)
    assert found == pytest.approx((np.mean(arm - baseline), expected.low, expected.high))
    expected = stats.ttest_rel(arm, baseline).confidence_interval()
    found = difference_interval([wide[0]], [wide[1]], paired=True)
    assert found == pytest.approx((np.mean(arm - baseline), expected.low, expected.high))


def test_a_single_seed_is_taken_to_vary_as_the_other_arms_do():
    arm, baseline = np.array([0.40, 0.50, 0.45]), np.array([0.3])
    wide = [np.repeat(part[:, None], 50, axis=1) for part in (arm, baseline)]
    margin = stats.t.ppf(0.975, 2) * (arm.var(ddof=1) * (1 + 1 / 3)) ** 0.5
    for one, other, sign in ((wide[0], wide[1], 1), (wide[1], wide[0], -1)):
        value, low, high = difference_interval([one], [other], paired=False)
        assert value == pytest.approx(sign * 0.15)
        assert (high - value, value - low) == pytest.approx((margin, margin))


def test_seeds_that_are_alike_do_not_widen_the_interval():
    part = np.repeat(shares(1), 3, axis=0)
    assert accuracy_interval([part]) == pytest.approx((part.mean(), *mean_interval(part[0])))
    low, high = mean_interval(shares(3, spread=0.1).mean(axis=0))
    assert np.ptp(accuracy_interval([shares(3, spread=0.1)])) > 1.5 * (high - low)


def test_the_average_over_benchmarks_is_one_of_independent_questions():
    parts = [shares(1, questions=n, start=n) for n in (40, 90)]
    found = accuracy_interval(parts)
    below, above = 0.0, 0.0
    for part in parts:
        low, high = mean_interval(part[0])
        below, above = below + (part.mean() - low) ** 2, above + (high - part.mean()) ** 2
    value = np.mean([part.mean() for part in parts])
    assert found == pytest.approx((value, value - below**0.5 / 2, value + above**0.5 / 2))


def test_seeds_that_shift_all_benchmarks_do_not_average_out():
    accuracies = np.array([0.4, 0.5, 0.45])[:, None]
    parts = [np.repeat(accuracies, 30, axis=1), np.repeat(accuracies, 50, axis=1)]
    assert accuracy_interval(parts) == pytest.approx(accuracy_interval(parts[:1]))
    opposite = [parts[0], np.repeat(0.9 - accuracies, 50, axis=1)]
    assert accuracy_interval(opposite) == pytest.approx((0.45, 0.45, 0.45))


def test_intervals_keep_within_what_is_possible():
    part = np.repeat(np.array([[1.0], [0.7], [1.0]]), 20, axis=1)
    assert accuracy_interval([part]).high == 1.0
    assert difference_interval([part], [np.zeros((3, 20))], paired=True).high == 1.0


def test_unequal_numbers_of_seeds_cannot_be_paired():
    with pytest.raises(ValueError, match="3 seeds cannot be paired with 2"):
        difference_interval([shares(3)], [shares(2)], paired=True)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_hold_the_truth_95_percent_of_the_time(seeds):
    case = Case(seeds=seeds, questions=40, samples=4, between_seeds=0.15)
    found = coverage(case, trials=600)
    for name in ("accuracy", "difference, seeds paired", "difference, seeds apart"):
        assert 93 <= found[name] <= 98, (name, found)
