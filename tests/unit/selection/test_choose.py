import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limr.selection import choose

NAN = np.nan
IDS = ["d", "b", "a", "c", "e"]
SCORES = np.array([0.6, 0.9, 0.6, NAN, 0.5])


def test_a_threshold_keeps_its_edge_unless_strict():
    assert choose(IDS, SCORES, threshold=0.6) == ["b", "d", "a"]
    assert choose(IDS, SCORES, threshold=0.6, strict=True) == ["b"]
    assert choose(IDS, SCORES, threshold=-np.inf) == ["b", "d", "a", "e"]
    assert choose(IDS, SCORES, threshold=1) == []


def test_equal_scores_come_in_an_order_of_the_ids_alone():
    assert choose(IDS, SCORES, top_k=2) == ["b", "d"]
    assert choose(IDS[::-1], SCORES[::-1], top_k=2) == ["b", "d"]
    assert choose(IDS, SCORES, top_k=0) == []


def test_equal_scores_favour_no_family_whose_name_ids_begin_with():
    ids = [f"{family}-{i}" for family in ("carry", "word") for i in range(200)]
    first = choose(ids, np.zeros(400), top_k=200)
    assert 80 < sum(key.startswith("carry") for key in first) < 120


def test_a_fraction_is_of_all_problems():
    assert choose(IDS, SCORES, fraction=0.6) == ["b", "d", "a"]
    assert choose(IDS, SCORES, fraction=0.0) == []
    # 1.4 rounds to 1
    assert choose(IDS, SCORES, fraction=0.28) == ["b"]


def test_groups_share_a_size_by_their_scored_problems():
    ids = list("abcdefgh")
    scores = np.array([9.0, 8, 7, 6, 5, 4, 3, NAN])
    groups = ["x", "x", "x", "x", "y", "y", "z", "z"]
    # 4/7, 2/7 and 1/7 of 4: 2.29, 1.14 and 0.57, the remainder of 1 goes to z
    assert choose(ids, scores, top_k=4, groups=groups) == ["a", "b", "e", "g"]
    assert choose(ids, scores, fraction=0.5, groups=groups) == ["a", "b", "e", "g"]
    assert choose(ids, scores, top_k=7, groups=groups) == list("abcdefg")
    assert choose(ids, scores, threshold=6, groups=groups) == ["a", "b", "c", "d"]
    assert choose(ids, np.full(8, NAN), top_k=0, groups=groups) == []


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0, NAN]), st.sampled_from("xyz")), min_size=1
    ).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(0, len(rows)))),
    st.randoms(use_true_random=False),
)
def test_any_size_that_there_is_can_be_chosen_in_groups_too(case, rng):
    rows, wanted = case
    ids = [f"p{i}" for i in range(len(rows))]
    scores = np.array([score for score, _ in rows])
    size = min(wanted, int((~np.isnan(scores)).sum()))
    chosen = choose(ids, scores, top_k=size, groups=[group for _, group in rows])
    assert len(chosen) == len({*chosen}) == size
    order = rng.sample(range(len(ids)), len(ids))
    again = choose(
        [ids[i] for i in order], scores[order], top_k=size, groups=[rows[i][1] for i in order]
    )
    assert again == chosen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give exactly one of threshold, top_k and fraction, got None"),
        ({"threshold": 0.5, "top_k": 2}, "got ['threshold', 'top_k']"),
        ({"top_k": 5}, "asks for 5 problems, but only 4 of 5 have a score"),
        ({"fraction": 1.0}, "fraction asks for 5 problems, but only 4 of 5"),
        ({"top_k": -1}, "top_k must be >= 0, got -1"),
        ({"fraction": 1.1}, "fraction must be in [0, 1], got 1.1"),
        ({"fraction": NAN}, "fraction must be in [0, 1], got nan"),
        ({"threshold": NAN}, "threshold must be a number, got nan"),
        ({"top_k": 2, "strict": True}, "strict is about the threshold's edge"),
        ({"top_k": 2, "groups": ["x"]}, "got (5,) and 1 groups"),
        ({"scores": SCORES[:4], "top_k": 2}, "5 problem_ids need one score each, got (4,)"),
        ({"problem_ids": list("abcda"), "top_k": 2}, "'a' occurs twice"),
    ],
)
def test_what_cannot_be_chosen_is_refused(arguments, message):
    arguments = {"problem_ids": IDS, "scores": SCORES, **arguments}
    with pytest.raises(ValueError, match=re.escape(message)):
        choose(arguments.pop("problem_ids"), arguments.pop("scores"), **arguments)


def test_the_released_scores_give_the_released_set(shared_data):
    problems = json.loads((shared_data / "limr" / "math.8k.json").read_text(encoding="utf-8"))
    released = json.loads((shared_data / "limr" / "scores.json").read_text(encoding="utf-8"))
    by_prompt = {row["prompt"].strip(): row["score"] for row in released}
    ids = [problem["id"] for problem in problems]
    scores = np.array([by_prompt.get(p["prompt"].strip(), NAN) for p in problems])
    assert len(ids) == 8523
    inclusive = choose(ids, scores, threshold=0.6)
    assert len(inclusive) == 1389
    assert {*inclusive} == {
        p["id"] for p in problems if by_prompt.get(p["prompt"].strip(), -9) > 0.595
    }
    strict = choose(ids, scores, threshold=0.6, strict=True)
    assert len(strict) == 1324
    assert {*strict} < {*inclusive}
