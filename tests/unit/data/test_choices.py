import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limr.data.choices import EpochChoice, choice_metrics, population_curves, turn, write_choice
from limr.selection import mean_reward_curve
from limr.trajectories import RewardCurves

NAN = np.nan
IDS = ["a", "b", "c", "d", "e", "f"]


def curves(ids, accuracy, epochs):
    accuracy = np.array(accuracy)
    samples = np.where(np.isnan(accuracy), 0, 8).astype(np.int32)
    return RewardCurves(np.array(ids), np.array(epochs), accuracy, accuracy - 1, samples)


def test_the_seen_stand_for_all_of_their_kind():
    # epoch 0 saw all but f; from 1 on a and b are selected, from 3 on b alone
    seen = curves(
        ["a", "b", "c", "d", "e"],
        [
            [0.1, 0.2, 0.3, NAN],
            [0.4, 0.5, NAN, 0.6],
            [0.7, 0.8, NAN, NAN],
            [0.9, NAN, 1.0, 0.0],
            [0.0, NAN, 0.1, NAN],
        ],
        [0, 1, 2, 5],
    )
    whole = population_curves(seen, IDS, [(1, ["a", "b"]), (3, ["b"])])
    assert whole.problem_ids.tolist() == IDS
    assert whole.epochs.tolist() == [0, 1, 2, 5]
    np.testing.assert_array_equal(whole.accuracy[:5], seen.accuracy)
    np.testing.assert_array_equal(whole.score[:5], seen.score)
    assert np.isnan(whole.accuracy[5]).all()
    assert np.isnan(whole.score[5]).all()
    assert whole.samples.tolist() == [*seen.samples.tolist(), [0] * 4]
    weights = np.where(whole.samples > 0, whole.weights, 0)
    np.testing.assert_array_equal(
        weights,
        [
            [1, 1, 2, 0],  # epoch 2 saw a of a and b
            [1, 1, 0, 1],
            [1, 4, 0, 0],  # epoch 1 saw c of c, d, e, f
            [1, 0, 2, 5],  # epoch 2 saw d and e of them, epoch 5 d of all but b
            [1, 0, 2, 0],
            [0, 0, 0, 0],
        ],
    )


def test_rows_of_problems_that_are_not_the_runs_are_left_out():
    seen = curves(["a", "b", "x"], [[0.1], [0.2], [0.3]], [0])
    whole = population_curves(seen, ["a", "b", "c"], [])
    np.testing.assert_array_equal(whole.accuracy, [[0.1], [0.2], [NAN]])


def test_the_weighted_average_is_that_of_all_problems():
    # selected problems do better: the average over those seen is far too high
    rng = np.random.default_rng(0)
    ids = [f"p{i:04}" for i in range(2000)]
    truth = np.where(np.arange(2000) < 400, 0.8, 0.2) + rng.normal(0, 0.05, 2000)
    selected = ids[:400]
    visited = [*selected, *turn(ids[400:], 160, 1, seed=0)]
    rows = [int(i[1:]) for i in sorted(visited)]
    seen = curves(sorted(visited), truth[rows][:, None], [1])
    whole = population_curves(seen, ids, [(1, selected)])
    average = mean_reward_curve(whole.accuracy, missing="ignore", weights=whole.weights)[0]
    assert average == pytest.approx(truth.mean(), abs=0.01)
    assert mean_reward_curve(whole.accuracy, missing="ignore")[0] > truth.mean() + 0.2


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9), st.integers(0, 3))
def test_everyone_has_a_turn_once_in_as_few_epochs_as_possible(size, count, first, seed):
    ids = [f"p{i}" for i in range(size)]
    count = min(count, size)
    epochs = -(-size // count)
    turns = [turn(ids, count, epoch, seed) for epoch in range(first, first + epochs)]
    assert all(len({*ids}) == count == len(ids) for ids in turns)
    assert {i for ids in turns for i in ids} == {*ids}
    assert turn(ids[::-1], count, first, seed) == turns[0]


def test_turns_go_by_the_seed_and_nobody_is_no_turn():
    ids = [f"p{i}" for i in range(50)]
    assert turn(ids, 5, 0, seed=1) != turn(ids, 5, 0, seed=2)
    assert turn(ids, 0, 3, seed=1) == turn([], 0, 3, seed=1) == []


def test_metrics_tell_sizes_and_what_a_new_selection_shares_with_the_last():
    scores = {"a": 0.5, "b": 0.9, "c": 0.7, "d": NAN}
    choice = EpochChoice(selected=["a", "b"], explored=["d"], scores=scores)
    sizes = {"data/problems": 3, "data/selected": 2, "data/explored": 1}
    assert choice_metrics(choice, None) == {**sizes, "data/lowest_score": 0.5}
    later = choice_metrics(choice, ["b", "c", "d"])
    assert later == {**sizes, "data/lowest_score": 0.5, "data/overlap": 2 / 5}
    old = EpochChoice(selected=["a", "b"], explored=["d"])
    assert choice_metrics(old, ["a", "b"]) == sizes


def test_a_choice_is_written_in_place_of_what_an_interrupted_run_chose_later(tmp_path):
    choice = EpochChoice(selected=["a"], explored=["d"], scores={"a": 0.5, "d": NAN})
    for epoch in (2, 3, 12):
        write_choice(tmp_path, epoch, EpochChoice(selected=["x"], explored=[]))
    write_choice(tmp_path, 3, choice)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-0002.json", "epoch-0003.json"]
    found = json.loads((tmp_path / "epoch-0003.json").read_text())
    scores = {"a": 0.5, "d": None}
    assert found == {"epoch": 3, "selected": ["a"], "explored": ["d"], "scores": scores}
    old = json.loads((tmp_path / "epoch-0002.json").read_text())
    assert old == {"epoch": 2, "selected": ["x"], "explored": []}
