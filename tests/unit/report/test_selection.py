"""A report's numbers on selections small enough to count by hand."""

import json
from functools import partial

import numpy as np

from limr.report.selection import Selection, describe_curves, describe_scores
from limr.selection import LIM, MeanBand, Selector, choose
from limr.trajectories import RewardCurves

NAN = float("nan")


def select(scores, chosen, **groups):
    ids = [f"p{i:02}" for i in range(len(scores))]
    return Selection(
        problem_ids=np.array(ids),
        scores=np.array(scores, float),
        chosen=np.isin(ids, chosen),
        groups=groups,
    )


def curves_of(accuracy, samples=4):
    accuracy = np.array(accuracy, float)
    return RewardCurves(
        problem_ids=np.array([f"p{i:02}" for i in range(len(accuracy))]),
        epochs=np.arange(accuracy.shape[1]),
        accuracy=accuracy,
        score=np.full(accuracy.shape, NAN),
        samples=np.where(np.isnan(accuracy), 0, samples).astype(np.int32),
    )


def test_sizes_and_the_histogram():
    found = describe_scores(select([0.0, 0.5, 1.0, NAN, 0.5], ["p02", "p01"]))
    assert (found["problems"], found["scored"]) == (5, 4)
    assert (found["chosen"], found["share"]) == (2, 0.4)
    assert (found["lowest_chosen_score"], found["highest_rejected_score"]) == (0.5, 0.5)
    histogram = found["score_histogram"]
    assert (histogram["edges"][0], histogram["edges"][-1]) == (0.0, 1.0)
    assert [count for count in histogram["all"] if count] == [1, 2, 1]
    assert [count for count in histogram["chosen"] if count] == [1, 1]


def test_where_all_are_chosen_nothing_is_rejected():
    assert describe_scores(select([0.3], ["p00"]))["highest_rejected_score"] is None


def test_the_composition_counts_each_name():
    found = describe_scores(select([1, 2, 3], ["p02", "p00"], family=["b", "a", "b"]))
    assert found["composition"] == {
        "family": [
            {"name": "a", "problems": 1, "chosen": 0, "share": 0.0},
            {"name": "b", "problems": 2, "chosen": 2, "share": 1.0},
        ]
    }


def described(accuracy, size, selector):
    curves = curves_of(accuracy)
    rule = partial(choose, top_k=size)
    scores = selector.scores(curves)
    selection = select(scores, rule(curves.problem_ids, scores))
    return describe_curves(selection, curves, selector, rule)


def test_curves_are_means_and_quantiles_over_the_problems_seen():
    found = described([[0, 0.5], [0.5, 1], [1, NAN], [NAN, NAN]], 1, MeanBand())
    # problem means 0.25, 0.75, 1 around 2/3: p1 is chosen
    assert found["accuracy_curves"]["chosen"]["mean"] == [0.5, 1.0]
    assert found["accuracy_curves"]["all"]["mean"] == [0.5, 0.75]
    assert found["accuracy_curves"]["all"]["q10"] == [0.1, 0.55]
    assert found["accuracy_curves"]["rejected"]["q90"] == [0.9, 0.5]
    assert found["mean_accuracy"] == {"all": 0.666667, "chosen": 0.75, "rejected": 0.625}
    assert found["responses"] == 20
    names = {row["name"]: (row["problems"], row["chosen"]) for row in found["by_mean_accuracy"]}
    assert names == {
        "0.2-0.3": (1, 0),
        "0.7-0.8": (1, 1),
        "0.9-1.0": (1, 0),
        "not seen": (1, 0),
    }


def test_other_methods_choose_as_many():
    found = described([[0.5, 0.75], [0, 1], [1, 1], [0, 0]], 1, MeanBand())
    methods = found["methods"]
    assert methods["names"] == [
        "this selection", "lim", "linear", "random", "variance", "pass_rate", "slope"
    ]  # fmt: skip
    # means 0.625, 0.5, 1, 0 around 0.53125: mean_band takes p1, lim p0, linear and slope p1
    shared = dict(zip(methods["names"], methods["overlap"][0], strict=True))
    assert [shared[name] for name in ("this selection", "lim", "linear", "slope")] == [1, 0, 1, 1]
    assert np.array_equal(np.array(methods["overlap"]), np.array(methods["overlap"]).T)
    assert methods["rank_correlation"][0] == 1.0


def test_a_method_without_enough_scores_is_left_empty():
    found = described([[0.5], [0.75], [1.0]], 2, MeanBand())
    methods = found["methods"]
    row = dict(zip(methods["names"], methods["overlap"][0], strict=True))
    assert row["linear"] is None
    assert row["variance"] is not None
    json.dumps(found, allow_nan=False)


def test_the_last_early_selection_is_the_selection():
    rng = np.random.default_rng(0)
    found = described(rng.binomial(4, 0.5, (50, 3)) / 4, 10, LIM())
    assert [row["epochs"] for row in found["early"]] == [1, 2, 3]
    assert found["early"][-1] == {"epochs": 3, "rank_correlation": 1.0, "overlap": 1.0}
    assert found["early"][0]["overlap"] < 1


class Easiest(Selector):
    def scores(self, curves):
        return curves.accuracy.mean(axis=1)


def two_runs(chances):
    """Of a selection of half of these problems, from 6 epochs of 4 samples."""
    accuracy = np.random.default_rng(1).binomial(4, chances[:, None], (len(chances), 6)) / 4
    return described(accuracy, len(chances) // 2, Easiest())["two_runs"]


def test_two_runs_choose_alike_only_where_problems_differ():
    apart = two_runs(np.repeat([0.05, 0.95], 10))
    alike = two_runs(np.full(20, 0.5))
    assert apart["mean"] == apart["low"] == 1.0
    assert alike["low"] <= alike["mean"] <= 0.8
