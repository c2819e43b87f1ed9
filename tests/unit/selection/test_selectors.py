import dataclasses

import numpy as np
import pytest
from jsonargparse import ArgumentParser
from selection_toys import make_curves

from limr.selection import (
    LIM,
    METHODS,
    Linear,
    MeanBand,
    PassRate,
    Random,
    Selector,
    Slope,
    Variance,
)
from limr.selection.scores import alignment_scores, linear_scores

NAN = np.nan
ACCURACY = np.array([[0.0, 0.5, 1.0], [0.5, NAN, 0.5], [1.0, 1.0, 1.0]])
SCORE = np.array([[-1.0, 0.25, 1.0], [0.25, NAN, 0.0], [1.0, 1.0, 1.0]])


def curves(**changes):
    return make_curves(ACCURACY, **{"score": SCORE, **changes})


@pytest.mark.parametrize("missing", ["backfill", "ignore", "drop"])
@pytest.mark.parametrize(("reward", "read"), [("accuracy", ACCURACY), ("score", SCORE)])
def test_lim_and_linear_pass_on_reward_and_rule(reward, read, missing):
    for selector, method in ((LIM, alignment_scores), (Linear, linear_scores)):
        scores = selector(reward=reward, missing=missing).scores(curves())
        np.testing.assert_array_equal(scores, method(read, missing=missing))


def test_lim_weighs_the_average_as_the_curves_say():
    weights = np.where(np.isnan(ACCURACY), NAN, [[1.0], [5.0], [2.0]])
    weighted = dataclasses.replace(curves(), weights=weights)
    found = LIM(missing="ignore").scores(weighted)
    expected = alignment_scores(ACCURACY, missing="ignore", weights=weights)
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(found, LIM(missing="ignore").scores(curves()))


def test_the_other_methods_by_hand():
    np.testing.assert_allclose(Variance().scores(curves()), [1 / 12, 1 / 4, 0])
    np.testing.assert_allclose(MeanBand().scores(curves()), [-1 / 6, -1 / 6, -1 / 3])
    scores = MeanBand(reward="score").scores(curves())  # means 1/12, 1/8, 1: average 29/72
    np.testing.assert_allclose(scores, [1 / 12 - 29 / 72, 1 / 8 - 29 / 72, 29 / 72 - 1])
    np.testing.assert_allclose(PassRate(low=0.0, high=1.0).scores(curves()), [0, 1, 0])
    np.testing.assert_allclose(Slope().scores(curves(epochs=[0, 2, 4])), [0.25, 0, 0])
    np.testing.assert_allclose(Slope(reward="score").scores(curves())[1], -0.125)


def test_random_scores_problems_that_nobody_saw():
    assert not np.isnan(Random(seed=3).scores(make_curves([[NAN], [NAN]]))).any()
    assert (Random(seed=3).scores(curves()) != Random(seed=4).scores(curves())).all()


@pytest.mark.parametrize("selector", [LIM, Linear, MeanBand, Slope])
def test_a_reward_that_is_not_there_is_refused(selector):
    with pytest.raises(ValueError, match="problem p0 has an accuracy but no score in epoch 0"):
        selector(reward="score").scores(make_curves(ACCURACY))
    with pytest.raises(ValueError, match="must be accuracy or score, got 'mean'"):
        selector(reward="mean").scores(curves())


def test_thresholds_are_the_papers():
    thresholds = {name: method.default_threshold for name, method in METHODS.items()}
    given = {name: value for name, value in thresholds.items() if value is not None}
    assert given == {"lim": 0.6, "linear": 0.7, "pass_rate": 0.0}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_yaml_names_a_method_by_its_class_path(method):
    parser = ArgumentParser()
    parser.add_argument("--selector", type=Selector)
    path = f"limr.selection.{method.__name__}"
    parsed = parser.parse_args([f"--selector={path}"])
    selector = parser.instantiate(parsed).selector
    assert selector == method()
    assert selector.scores(curves()).shape == (3,)


def test_a_yaml_sets_a_methods_options():
    parser = ArgumentParser()
    parser.add_argument("--selector", type=Selector)
    config = {"selector": {"class_path": "limr.selection.LIM", "init_args": {"missing": "drop"}}}
    assert parser.instantiate(parser.parse_object(config)).selector == LIM(missing="drop")
