import numpy as np
import pytest
from selection_toys import climbing_chances, make_curves

from limr.selection.redraw import rerun_pairs

NAN = np.nan


def pairs_of(curves, pairs=1, seed=0):
    return list(rerun_pairs(curves, np.random.default_rng(seed), pairs))


def test_a_run_keeps_who_was_seen_and_how_often():
    curves = make_curves([[0.5, NAN, 1.0], [NAN, 0.25, 0.0]], samples=8)
    for run in pairs_of(curves, pairs=20):
        for one in run:
            np.testing.assert_array_equal(one.problem_ids, curves.problem_ids)
            np.testing.assert_array_equal(one.samples, curves.samples)
            np.testing.assert_array_equal(np.isnan(one.accuracy), np.isnan(curves.accuracy))
            seen = one.accuracy[curves.samples > 0]
            np.testing.assert_array_equal(seen * 8, np.rint(seen * 8))
            assert ((seen >= 0) & (seen <= 1)).all()
            assert np.isnan(one.score).all()


def test_many_responses_leave_little_doubt():
    curves = make_curves([[0.2, 0.9], [0.7, 0.1]], samples=100_000)
    for run in pairs_of(curves, pairs=5):
        for one in run:
            np.testing.assert_allclose(one.accuracy, curves.accuracy, atol=0.02)


def test_the_same_seed_draws_the_same_runs():
    curves = make_curves([[0.5, 0.25], [0.75, 0.0]])
    (a, b), (c, d) = pairs_of(curves)[0], pairs_of(curves)[0]
    np.testing.assert_array_equal(a.accuracy, c.accuracy)
    np.testing.assert_array_equal(b.accuracy, d.accuracy)


def test_runs_are_hardly_rougher_than_the_one_that_was_seen():
    """Drawing at the observed shares would add a second helping of noise from epoch to epoch."""
    chances = climbing_chances(400, 21, seed=1)
    seen = np.random.default_rng(2).binomial(8, chances) / 8

    def roughness(accuracy):
        return (np.diff(accuracy, axis=1) ** 2).mean()

    again = np.mean(
        [roughness(run.accuracy) for pair in pairs_of(make_curves(seen), 5) for run in pair]
    )
    naive = roughness(np.random.default_rng(3).binomial(8, seen) / 8)
    # noise of x/n: E[p(1-p)]/8 per epoch; x/n redrawn at x/n has 1 + (1 - 1/8) of it
    assert naive == pytest.approx(1.875 * roughness(seen), rel=0.05)
    assert again < 1.25 * roughness(seen)


def test_scores_of_the_rule_based_reward_are_redrawn_too():
    rng = np.random.default_rng(4)
    correct = rng.binomial(8, climbing_chances(300, 6, seed=5))
    malformed = rng.binomial(8 - correct, 0.3)
    score = (correct - 0.5 * (8 - correct - malformed) - malformed) / 8
    curves = make_curves(correct / 8, score=score)
    runs = [run for pair in pairs_of(curves, 10) for run in pair]
    for run in runs:
        spoiled = 2 * (8 * run.accuracy - 4 * (1 - run.accuracy) - 8 * run.score)
        np.testing.assert_allclose(spoiled, np.rint(spoiled), atol=1e-9)
        assert ((spoiled >= 0) & (spoiled <= 8 - 8 * run.accuracy)).all()
    assert np.mean([run.score for run in runs]) == pytest.approx(score.mean(), abs=0.01)
    # a reward of another kind, 1 / 0
    assert np.isnan(pairs_of(make_curves(correct / 8, score=correct / 8))[0][0].score).all()


def test_extremes_are_drawn_without_complaint():
    for accuracy in ([[0.0, 0.0]], [[1.0, 1.0]], [[NAN, 1.0], [NAN, NAN]]):
        assert len(pairs_of(make_curves(accuracy), 3)) == 3


def test_an_accuracy_that_is_no_share_is_refused():
    curves = make_curves([[0.5, 0.5], [0.5, 0.3]], epochs=[4, 7])
    with pytest.raises(ValueError, match=r"problem p1, epoch 7: accuracy 0.3 is no share of 8"):
        pairs_of(curves)
