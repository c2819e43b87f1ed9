"""The committed numbers of docs/selection.md, computed again from the published data."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import released_scores, resampling, selectors
from limr.selection import LIM, MeanBand
from limr.selection.stability import early_selections, expected_overlap

pytestmark = pytest.mark.integration

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def committed(name):
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def curves(shared_data):
    return selectors.read_curves(shared_data / "one_shot_rlvr" / "acc_step_500.json")


def test_the_table_against_lim(curves):
    table = committed("selectors.json")
    assert selectors.against_lim(curves) == table["against_lim"]
    assert selectors.linear_by_visits(curves) == table["linear_share_at_0.7_by_visits"]
    candidates = selectors.linear_candidates(curves)
    assert candidates == table["share_kept_by_linear_candidates"]
    # written out once more there, beside those that were not taken
    assert candidates["follows a climb from 0 to 1"] == table["linear_share_at_0.7_by_visits"]["44"]


def test_the_early_selections(curves):
    found = early_selections(curves, LIM(), selectors.RULE)
    assert np.array(committed("selectors.json")["early"]["lim"]) == pytest.approx(
        np.array(found), abs=5e-5
    )


@pytest.mark.parametrize("selector", [LIM(), MeanBand()])
def test_the_overlap_of_two_runs(curves, selector):
    name = {LIM: "lim", MeanBand: "mean_band"}[type(selector)]
    found = expected_overlap(curves, selector, selectors.RULE, pairs=20, seed=1)
    assert found.mean == pytest.approx(
        committed("selectors.json")["two_runs"][name]["mean"], abs=0.015
    )


def test_the_analysis_of_the_released_scores(shared_data):
    rows = json.loads((shared_data / "limr" / "scores.json").read_text(encoding="utf-8"))
    found = released_scores.analyse(np.array([row["score"] for row in rows]))
    assert found == committed("released_scores.json")


def test_what_weights_give_back_to_a_resampled_run(curves):
    cases = committed("resampling.json")["cases"]
    (case,) = [c for c in cases if (c["fraction"], c["exploration"]) == (0.5, 0.25)]
    for name in ("weighted", "unweighted"):
        assert resampling.losses(curves, 0.5, 0.25, weighted=name == "weighted") == case[name]
    assert abs(case["weighted"]["bias"]) < 0.01 < 0.1 < -case["unweighted"]["bias"]
