from collections import defaultdict
from typing import get_args

import fsspec
import numpy as np
import pyarrow.parquet
import pytest

import limr.trajectories.curves
from limr.trajectories import (
    RewardCurves,
    StepFiles,
    TrajectoryRow,
    TrajectoryWriter,
    read_reward_curves,
    read_trajectories,
)
from limr.trajectories.curves import _map
from limr.types import Status


def row(problem_id, score=1.0, status="correct", sample=0):
    return TrajectoryRow(
        problem_id=problem_id,
        sample=sample,
        score=score,
        status=status,
        response_length=1,
        truncated=False,
        policy_version=0,
        answer=None,
        response=None,
    )


def random_store(address, rng, *, problems=12, epochs=4):
    """Ragged samples, repeats within an epoch, unseen problems, several steps and two ranks."""
    writer = TrajectoryWriter(address, "run")
    step = 0
    for epoch in sorted(rng.choice(20, epochs, replace=False).tolist()):
        for _ in range(3):
            for rank in (0, 1):
                ids = rng.choice(problems, rng.integers(0, 6)).tolist()
                rows = [
                    row(f"id-{i}", float(rng.choice([1, -0.5, -1])), str(rng.choice(STATUSES)), n)
                    for i in ids
                    for n in range(rng.integers(1, 5))
                ]
                writer.append(rows, epoch=epoch, step=step, rank=rank)
            step += 1


STATUSES = get_args(Status)


def assert_curves_are_those_of_the_rows(curves, rows):
    found = defaultdict(list)
    for r in rows:
        found[r["problem_id"], r["epoch"]].append((r["status"] == "correct", r["score"]))
    assert curves.problem_ids.tolist() == sorted({i for i, _ in found})
    assert curves.epochs.tolist() == sorted({e for _, e in found})
    for n, problem_id in enumerate(curves.problem_ids.tolist()):
        for k, epoch in enumerate(curves.epochs.tolist()):
            seen = found[problem_id, epoch]
            assert curves.samples[n, k] == len(seen)
            if seen:
                means = [sum(values) / len(seen) for values in zip(*seen, strict=True)]
                assert [curves.accuracy[n, k], curves.score[n, k]] == pytest.approx(
                    means, abs=1e-12
                )
            else:
                assert np.isnan([curves.accuracy[n, k], curves.score[n, k]]).all()


@pytest.mark.parametrize("at_once", [1, 20, 100_000])
@pytest.mark.parametrize("seed", range(5))
def test_curves_are_what_a_loop_over_the_rows_finds(tmp_path, monkeypatch, seed, at_once):
    monkeypatch.setattr(limr.trajectories.curves, "_FEWEST_AT_ONCE", at_once)
    random_store(tmp_path, np.random.default_rng(seed))
    curves = read_reward_curves(tmp_path, threads=2)
    assert_curves_are_those_of_the_rows(curves, read_trajectories(tmp_path).to_pylist())
    assert {curves.accuracy.dtype, curves.score.dtype} == {np.dtype(np.float64)}
    assert (curves.samples.dtype, curves.epochs.dtype) == (np.int32, np.int64)


def test_a_store_that_is_not_on_disk_gives_the_same_curves(tmp_path):
    random_store("memory://curves", np.random.default_rng(0))
    rows = read_trajectories("memory://curves").to_pylist()
    assert_curves_are_those_of_the_rows(read_reward_curves("memory://curves"), rows)
    fsspec.filesystem("memory").rm("curves", recursive=True)


def test_files_of_several_epochs_and_row_groups_are_summed_alike(tmp_path):
    random_store(tmp_path / "steps", np.random.default_rng(0))
    table = read_trajectories(tmp_path / "steps")
    assert table.num_rows > 50
    (tmp_path / "one").mkdir()
    one = tmp_path / "one" / "step-00000000-rank-00000.parquet"
    pyarrow.parquet.write_table(table, one, row_group_size=7)
    assert_curves_are_those_of_the_rows(read_reward_curves(tmp_path / "one"), table.to_pylist())


def test_a_problem_seen_twice_in_an_epoch_pools_its_responses(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    writer.append([row("p"), row("p", -0.5, "wrong")], epoch=0, step=0, rank=0)
    writer.append([row("p", -0.5, "wrong")], epoch=0, step=1, rank=0)
    writer.append([row("q", -1.0, "malformed")], epoch=2, step=2, rank=0)
    curves = read_reward_curves(tmp_path)
    nan = np.nan
    assert curves.problem_ids.tolist() == ["p", "q"]
    assert curves.epochs.tolist() == [0, 2]
    assert curves.samples.tolist() == [[3, 0], [0, 1]]
    np.testing.assert_array_equal(curves.accuracy, [[1 / 3, nan], [nan, 0.0]])
    np.testing.assert_array_equal(curves.score, [[0.0, nan], [nan, -1.0]])


def test_ids_are_ordered_by_code_point(tmp_path):
    ids = ["b", "é", "a" * 300, "B", "中", "a"]
    TrajectoryWriter(tmp_path, "run").append([row(i) for i in ids], epoch=0, step=0, rank=0)
    assert read_reward_curves(tmp_path).problem_ids.tolist() == sorted(ids)


def test_the_first_epochs_can_be_taken_alone(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    for step, (epoch, status) in enumerate([(0, "wrong"), (2, "correct"), (5, "correct")]):
        writer.append([row("p", status=status)], epoch=epoch, step=step, rank=0)
    curves = read_reward_curves(tmp_path)
    for upto, epochs in [(-1, []), (0, [0]), (1, [0]), (2, [0, 2]), (9, [0, 2, 5])]:
        early = curves.select_epochs(upto)
        assert early.epochs.tolist() == epochs
        assert early.accuracy.tolist() == [[0.0, 1.0, 1.0][: len(epochs)]]
        assert early.samples.shape == early.score.shape == (1, len(epochs))
        assert early.problem_ids.tolist() == ["p"]


def test_no_trajectories_and_no_responses_are_told_apart(tmp_path):
    with pytest.raises(ValueError, match="holds no trajectories"):
        read_reward_curves(tmp_path)
    TrajectoryWriter(tmp_path, "run").append([], epoch=0, step=0, rank=0)
    with pytest.raises(ValueError, match="holds no responses, only empty steps"):
        read_reward_curves(tmp_path)


@pytest.mark.parametrize("first", ["first", ""])
def test_two_runs_in_one_folder_are_refused(tmp_path, first):
    for step, run in enumerate([first, first, "second"]):
        TrajectoryWriter(tmp_path, run).append([row("p")], epoch=0, step=step, rank=0)
    message = rf"step-00000002.* of run 'second', the .* run '{first}'"
    with pytest.raises(ValueError, match=message):
        read_reward_curves(tmp_path)


def test_a_damaged_file_is_refused_by_name(tmp_path):
    random_store(tmp_path, np.random.default_rng(0))
    path = tmp_path / StepFiles(tmp_path).paths()[7]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=rf"{path.name} is damaged"):
        read_reward_curves(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem_ids": ["b", "a"]}, "problem_ids must be ascending, each once"),
        ({"problem_ids": ["a", "a"]}, "problem_ids must be ascending, each once"),
        ({"epochs": [1, 0, 2]}, "epochs must be ascending, each once"),
        ({"weights": np.ones((2, 2))}, r"weights must be \(problems, epochs\) = \(2, 3\), got"),
        ({"score": np.zeros((3, 2))}, r"score must be \(problems, epochs\) = \(2, 3\), got \(3, 2"),
    ],
)
def test_curves_whose_parts_do_not_fit_are_refused(change, message):
    parts = {"problem_ids": ["a", "b"], "epochs": [0, 1, 2], "samples": np.ones((2, 3), np.int32)}
    parts |= {"accuracy": np.zeros((2, 3)), "score": np.zeros((2, 3))}
    with pytest.raises(ValueError, match=message):
        RewardCurves(**{name: np.asarray(value) for name, value in (parts | change).items()})


def test_files_are_read_in_order_and_only_a_few_ahead():
    begun = []

    def double(number):
        begun.append(number)
        return 2 * number

    doubled = _map(double, range(50), threads=2)
    assert next(doubled) == 0
    assert len(begun) <= 5
    assert list(doubled) == list(range(2, 100, 2))


def test_curves_of_other_problems_are_unseen():
    accuracy = np.array([[0.5, 1.0], [0.0, np.nan]])
    curves = RewardCurves(
        problem_ids=np.array(["b", "d"]),
        epochs=np.array([0, 2]),
        accuracy=accuracy,
        score=accuracy - 0.5,
        samples=np.array([[2, 2], [4, 0]], np.int32),
    )
    found = curves.of_problems(["e", "b", "a"])
    assert found.problem_ids.tolist() == ["a", "b", "e"]
    assert found.epochs.tolist() == [0, 2]
    np.testing.assert_array_equal(found.accuracy, [[np.nan] * 2, [0.5, 1.0], [np.nan] * 2])
    np.testing.assert_array_equal(found.score, [[np.nan] * 2, [0.0, 0.5], [np.nan] * 2])
    assert found.samples.tolist() == [[0, 0], [2, 2], [0, 0]]
