from functools import partial

import numpy as np
import pytest
from scipy.stats import spearmanr
from selection_toys import climbing_chances, make_curves

from limr.selection import LIM, MeanBand, Random, Slope, choose
from limr.selection.stability import (
    early_selections,
    expected_overlap,
    jaccard,
    overlap,
    rank_correlation,
)

NAN = np.nan


def test_overlap_and_jaccard_by_hand():
    a, b = ["a", "b", "c"], ["b", "c", "d", "e", "f"]
    assert overlap(a, b) == overlap(b, a) == 4 / 8
    assert jaccard(a, b) == jaccard(b, a) == 2 / 6
    for measure in (overlap, jaccard):
        assert measure(a, a) == measure([], []) == 1
        assert measure(a, []) == measure([], a) == 0


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, (2, 50)).astype(float)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
    a[:5], b[3:9] = NAN, NAN
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a[9:], b[9:]).statistic, abs=1e-12)


def test_rank_correlation_of_nothing_is_unknown():
    for a, b in (([1.0, 1.0], [1.0, 2.0]), ([NAN, 1.0], [1.0, 2.0]), ([], [])):
        assert np.isnan(rank_correlation(np.array(a), np.array(b)))
    with pytest.raises(ValueError, match=r"got \(2,\) and \(3,\)"):
        rank_correlation(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("rule", [{"threshold": 0.6}, {"fraction": 0.163}], ids=str)
def test_expected_overlap_foretells_that_of_two_runs(rule):
    chances = climbing_chances(600, 21, seed=1)
    rule = partial(choose, **rule)
    rng = np.random.default_rng(2)

    def chosen(chances):
        run = make_curves(rng.binomial(8, chances) / 8)
        return rule(run.problem_ids, LIM().scores(run))

    truth = np.mean([overlap(chosen(chances), chosen(chances)) for _ in range(60)])
    found = [
        expected_overlap(make_curves(rng.binomial(8, chances) / 8), LIM(), rule, pairs=30)
        for _ in range(4)
    ]
    assert np.mean([one.mean for one in found]) == pytest.approx(truth, abs=0.07)
    for one in found:
        assert one.low < one.mean < one.high


def test_what_does_not_depend_on_responses_is_stable():
    curves = make_curves([[0.5, 0.25], [0.75, 0.0], [0.0, 0.0], [1.0, 1.0]])
    rule = partial(choose, top_k=2)
    assert expected_overlap(curves, Random(seed=1), rule, pairs=5) == (1, 1, 1)


def test_early_selections_by_hand():
    curves = make_curves([[0.0, 1.0], [0.5, 1.0], [1.0, 0.0]])
    first, last = early_selections(curves, MeanBand(), partial(choose, top_k=1))
    # distances from the average: 1/2, 0, 1/2 after one epoch; 1/12, 1/6, 1/12 after both
    assert first == (1, -1.0, 0.0)
    assert last == (2, 1.0, 1.0)


def test_too_few_epochs_leave_the_overlap_open():
    curves = make_curves([[0.0, 0.5, 1.0], [0.5, 0.5, 0.0]])
    rows = early_selections(curves, Slope(), partial(choose, top_k=1))
    assert np.isnan(rows[0][1:]).all()
    assert rows[1] == (2, 1.0, 1.0)
