import numpy as np
import pytest
from comparison_toys import toy_run

from limr.report.arms import (
    Arm,
    common_questions,
    group_into_arms,
    restricted,
    share_matrix,
)

ONE = {"easy": {0: [0.0, 0.5]}}


def test_runs_are_grouped_the_baseline_first():
    runs = [toy_run(f"{arm}{seed}", ONE, arm=arm, seed=seed)
            for arm in ("lim", "full", "arm 10", "arm 9") for seed in ("10", "2")]  # fmt: skip
    arms, notes = group_into_arms(runs, "full")
    assert [arm.name for arm in arms] == ["full", "arm 9", "arm 10", "lim"]
    assert arms[0].seeds == ("2", "10")
    assert notes == []


def test_of_one_seed_twice_the_later_finished_run_counts():
    runs = [
        toy_run("first", ONE, arm="full", seed="1", started=1.0),
        toy_run("second", ONE, arm="full", seed="1", started=2.0),
        toy_run("crashed", ONE, arm="full", seed="1", started=3.0, status="FAILED"),
    ]
    (arm,), notes = group_into_arms(runs, "full")
    assert [run.name for run in arm.runs] == ["second"]
    assert [note.split("'")[1] for note in notes] == ["crashed", "first"]


def test_unknown_seeds_are_seeds_of_their_own():
    runs = [toy_run(name, ONE, arm="full") for name in "ab"]
    (arm,), _notes = group_into_arms(runs, "full")
    assert arm.seeds == ("", "")


def test_a_baseline_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(ValueError, match=r"no run of the arm 'full' among lim, random; .*--baseli"):
        group_into_arms([toy_run("random", ONE), toy_run("lim", ONE)], "full")


@pytest.mark.parametrize(
    ("ours", "theirs", "pairs"),
    [
        (["1", "2"], ["1", "2"], True),
        (["1", "2"], ["1", "3"], False),
        (["1", "2"], ["1"], False),
        (["", ""], ["", ""], False),
        (["1"], ["2"], True),
    ],
)
def test_arms_pair_by_their_seeds(ours, theirs, pairs):
    one, other = (
        Arm(name="a", runs=tuple(toy_run("r", ONE, seed=seed) for seed in seeds))
        for seeds in (ours, theirs)
    )
    assert one.pairs_with(other) is pairs


def test_runs_are_restricted_to_the_questions_that_all_have():
    three = {"easy": {0: [0.1, 0.2, 0.3]}, "hard": {0: [1.0]}}
    runs = [toy_run("a", three), toy_run("b", {"easy": {0: [0.4, 0.5]}})]
    common = common_questions(runs, "easy")
    assert common.tolist() == ["q000", "q001"]
    runs = [restricted(run, {"easy": common}) for run in runs]
    assert [[*run.measured] for run in runs] == [["easy"], ["easy"]]
    matrix = share_matrix([run.measured["easy"][0] for run in runs])
    assert np.array_equal(matrix, [[0.1, 0.2], [0.4, 0.5]])


def test_no_question_in_common_is_refused():
    runs = [toy_run("a", {"easy": {0: [0.1]}}), toy_run("b", {"easy": {0: []}})]
    with pytest.raises(ValueError, match="no question of easy was measured in every run"):
        common_questions(runs, "easy")
