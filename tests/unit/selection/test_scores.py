import random
import re

import lim_reference as reference
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.stats import linregress

from limr.data.loaders import hashed_order
from limr.selection.scores import (
    alignment_scores,
    linear_scores,
    mean_band_scores,
    mean_reward_curve,
    pass_rate_scores,
    random_scores,
    slope_scores,
    variance_scores,
)

NAN = np.nan
MISSING = ("backfill", "ignore", "drop")
SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


def eighths(shape):
    return arrays(np.float64, shape, elements=st.integers(0, 8).map(lambda n: n / 8))


complete = SHAPES.flatmap(eighths)


@st.composite
def curves_with_holes(draw):
    curves = draw(complete)
    return np.where(draw(arrays(bool, curves.shape)), NAN, curves)


@pytest.mark.parametrize("seed", range(200))
def test_lim_is_what_the_rules_say(seed):
    rng = random.Random(seed)
    steps = rng.randint(1, 3)
    dump = reference.random_dump(
        rng, problems=rng.randint(2, 25), epochs=rng.randint(1, 8), steps_per_epoch=steps
    )
    rewards = reference.rewards_by_problem(dump, steps)
    for measure in (reference.accuracy, reference.mean_reward):
        curves = {name: [measure(epoch) for epoch in epochs] for name, epochs in rewards.items()}
        table = np.array(list(curves.values()), dtype=np.float64)
        for missing in MISSING:
            expected = reference.lim_scores(curves, missing)
            found = dict(zip(curves, alignment_scores(table, missing=missing), strict=True))
            eligible = {name: score for name, score in found.items() if not np.isnan(score)}
            assert eligible == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_weight_counts_a_problem_that_many_times_in_the_average_curve():
    curves = np.array([[0.0, 0.5], [1.0, NAN], [0.5, 0.25]])
    weights = np.array([[1.0, 3.0], [2.0, NAN], [1.0, 1.0]])
    average = [(0 + 2 * 1 + 0.5) / 4, (3 * 0.5 + 0.25) / 4]
    found = mean_reward_curve(curves, missing="ignore", weights=weights)
    np.testing.assert_allclose(found, average)
    distance = average[0] ** 2 + (0.5 - average[1]) ** 2
    room = (1 - average[0]) ** 2 + (1 - average[1]) ** 2
    scores = alignment_scores(curves, missing="ignore", weights=weights)
    assert scores[0] == pytest.approx(1 - distance / room)


@given(curves_with_holes())
def test_weights_of_one_change_nothing(curves):
    for missing in MISSING:
        plain = alignment_scores(curves, missing=missing)
        weighted = alignment_scores(curves, missing=missing, weights=np.ones(curves.shape))
        np.testing.assert_array_equal(weighted, plain)


@pytest.mark.parametrize("weights", [np.ones((2, 1)), [[1.0, 0.0]], [[1.0, NAN]]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be"):
        alignment_scores(np.array([[0.5, 0.5]]), weights=np.array(weights))


def test_lim_by_hand():
    # average (1/4, 1/2); room 9/16 + 1/4 = 13/16; each is 1/4 away in one epoch
    curves = np.array([[0.0, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(alignment_scores(curves), [12 / 13, 12 / 13], rtol=1e-15)
    np.testing.assert_array_equal(mean_reward_curve(curves), [0.25, 0.5])


def test_backfill_takes_the_next_epoch_once_and_never_cascades():
    curves = np.array(
        [
            [NAN, 0.5, 1.0],  # takes 0.5
            [
                NAN,
                NAN,
                1.0,
            ],  # the second takes 1, the first had nothing to take when it was looked at
            [0.5, 0.5, NAN],  # nothing follows the last
            [0.5, NAN, 0.5],
        ]
    )
    scores = alignment_scores(curves)
    np.testing.assert_array_equal(np.isnan(scores), [False, True, True, False])
    np.testing.assert_array_equal(mean_reward_curve(curves), [0.5, 0.5, 0.75])
    np.testing.assert_allclose(scores[[0, 3]], 1 - (1 / 16) / (1 / 4 + 1 / 4 + 1 / 16))
    np.testing.assert_array_equal(mean_reward_curve(curves, missing="drop"), [NAN] * 3)
    # over seen epochs: averages 1/2, 1/2, 5/6
    ignored = alignment_scores(curves, missing="ignore")
    room = 1 / 4 + 1 / 4 + 1 / 36
    np.testing.assert_allclose(ignored[0], 1 - (1 / 36) / (1 / 4 + 1 / 36))
    np.testing.assert_allclose(ignored[[2, 3]], [1, 1 - (1 / 9) / (room - 1 / 4)])


@pytest.mark.parametrize("missing", MISSING)
def test_a_perfect_average_curve_scores_nothing(missing):
    curves = np.array([[1.0, 1.0], [1.0, 1.0], [NAN, NAN]])
    np.testing.assert_array_equal(alignment_scores(curves, missing=missing), [0, 0, NAN])


def test_an_always_solved_problem_scores_0_under_any_average():
    np.testing.assert_allclose(alignment_scores(np.array([[1.0, 1.0], [0.0, 0.5]]))[0], 0)


@given(complete, st.sampled_from(MISSING))
def test_the_average_curve_scores_1(curves, missing):
    average = curves.mean(axis=0)
    assume((average < 1).any())
    scores = alignment_scores(np.vstack([curves, average]), missing=missing)
    assert scores[-1] == pytest.approx(1, abs=1e-12)


@given(curves_with_holes(), st.sampled_from(MISSING), st.randoms(use_true_random=False))
def test_order_of_problems_does_not_matter(curves, missing, rng):
    order = rng.sample(range(len(curves)), len(curves))
    for method in (alignment_scores, linear_scores):
        scores = method(curves, missing=missing)
        np.testing.assert_allclose(
            method(curves[order], missing=missing), scores[order], rtol=1e-12, atol=1e-12
        )
    np.testing.assert_allclose(
        mean_band_scores(curves[order]), mean_band_scores(curves)[order], atol=1e-12
    )


@given(curves_with_holes(), st.sampled_from(MISSING))
def test_missing_epochs_never_raise_and_scores_never_pass_1(curves, missing):
    unseen = np.isnan(curves).all(axis=1)
    for method in (alignment_scores, linear_scores):
        scores = method(curves, missing=missing)
        assert np.isnan(scores[unseen]).all()
        assert (scores[~np.isnan(scores)] <= 1).all()
    np.testing.assert_array_equal(np.isnan(alignment_scores(curves, missing="ignore")), unseen)
    np.testing.assert_array_equal(np.isnan(mean_band_scores(curves)), unseen)
    np.testing.assert_array_equal(np.isnan(variance_scores(curves)), unseen)


@given(complete)
def test_lim_does_not_see_a_rescaling_that_keeps_1(curves):
    assume((curves < 1).any())
    np.testing.assert_allclose(
        alignment_scores(1.5 * curves - 0.5), alignment_scores(curves), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_seen_is_nothing_scored(shape):
    curves = np.zeros(shape)
    results = [method(curves) for method in (alignment_scores, linear_scores, mean_band_scores)]
    results += [pass_rate_scores(curves, low=0, high=1), slope_scores(curves, np.arange(shape[1]))]
    for scores in results:
        np.testing.assert_array_equal(scores, [NAN] * shape[0])


def test_linear_measures_the_distance_from_the_ramp():
    curves = np.array([[0.0, 0.5, 1.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [0.0, NAN, 1.0]])
    # ramp 0, 1/2, 1: room 5/4; a flat 1/2 is 1/2 away at both ends
    np.testing.assert_allclose(linear_scores(curves), [1, 0, 1 - 0.5 / 1.25, 0.8])
    np.testing.assert_allclose(linear_scores(curves, missing="ignore")[3], 1)
    one_visit = np.array([[NAN, NAN, 0.3], [NAN, 0.5, 1.0]])
    np.testing.assert_allclose(linear_scores(one_visit, missing="ignore"), [NAN, 1])


def test_slope_is_the_least_squares_slope():
    rng = np.random.default_rng(5)
    epochs = np.array([0, 1, 2, 5, 6])
    curves = rng.random((20, 5))
    curves[rng.random((20, 5)) < 0.3] = NAN
    for curve, slope in zip(curves, slope_scores(curves, epochs), strict=True):
        seen = ~np.isnan(curve)
        expected = linregress(epochs[seen], curve[seen]).slope if seen.sum() > 1 else NAN
        np.testing.assert_allclose(slope, expected, atol=1e-12)


def test_pass_rate_reads_the_first_epoch_only():
    curves = np.array([[0.5, NAN], [0.2, 1.0], [0.8, 0.5], [0.0, 0.5], [NAN, 0.5]])
    scores = pass_rate_scores(curves, low=0.2, high=0.8)
    np.testing.assert_allclose(scores, [1, 0, 0, -2 / 3, NAN], atol=1e-12)


def test_random_is_the_hashed_order_whatever_the_order_of_the_ids():
    ids = [f"p{i}" for i in range(300)]
    scores = random_scores(ids, 7)
    ranked = [ids[i] for i in np.argsort(-scores)]
    assert ranked == hashed_order(ids, 7)
    np.testing.assert_array_equal(random_scores(np.array(ids)[::-1], 7), scores[::-1])
    assert (random_scores(ids, 8) != scores).all()
    assert scores.mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: alignment_scores(np.zeros(3)), "must be (problems, epochs), got shape (3,)"),
        (lambda: alignment_scores(np.array([[0.0, 1.5]])), "row 0, column 1 is 1.5"),
        (lambda: linear_scores(np.array([[-np.inf]])), "row 0, column 0 is -inf"),
        (lambda: alignment_scores(np.zeros((1, 1)), missing="fill"), "got 'fill'"),
        (lambda: variance_scores(np.array([[-0.5]])), "must lie in [0, 1]"),
        (lambda: pass_rate_scores(np.zeros((1, 1)), low=0.5, high=0.5), "got [0.5, 0.5]"),
    ],
)
def test_what_cannot_be_scored_is_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
