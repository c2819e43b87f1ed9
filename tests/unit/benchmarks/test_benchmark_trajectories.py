import pytest

from benchmarks.trajectories import (
    EPOCHS,
    SAMPLES,
    make_dumps,
    make_store,
    markdown,
    random_texts,
    read,
    run,
    score_dumps,
    score_store,
)
from limr.trajectories import read_trajectories


def test_both_ways_give_the_same_scores_from_the_same_run(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.trajectories.PROBLEMS_PER_STEP", 64)
    texts = random_texts(20)
    assert make_store(tmp_path / "store", 100, texts) == 2 * EPOCHS
    assert make_dumps(tmp_path / "dumps", 100, texts) == 2 * EPOCHS
    scores = score_store(tmp_path / "store")
    assert len(scores) == 100
    assert len({*scores.values()}) > 50
    loops = {prompt[:36]: score for prompt, score in score_dumps(tmp_path / "dumps").items()}
    assert loops == pytest.approx(scores, abs=1e-12)


def test_every_problem_is_sampled_in_every_epoch(tmp_path):
    make_store(tmp_path, 30)
    rows = read_trajectories(tmp_path).to_pylist()
    keys = {(row["problem_id"], row["epoch"], row["sample"]) for row in rows}
    assert len(keys) == len(rows) == 30 * EPOCHS * SAMPLES
    assert {len(row["problem_id"]) for row in rows} == {36}
    assert read("store", tmp_path)["problems"] == 30


def test_a_whole_run_fills_both_tables():
    found = run([20, 40], 30, repeats=1)
    assert [case["rows"] for case in found["stores"]] == [20 * 168, 40 * 168]
    assert (
        found["with_texts"]["store"]["problems"] == found["with_texts"]["dumps"]["problems"] == 30
    )
    bars = [line.count("|") for line in markdown(found).splitlines()]
    assert bars == [9] * 4 + [0] + [6] * 4 + [0] * 2
