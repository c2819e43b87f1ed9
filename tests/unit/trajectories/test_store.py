import pyarrow
import pyarrow.parquet
import pytest

from limr.trajectories import (
    SCHEMA,
    TrajectoryRow,
    TrajectoryWriter,
    read_trajectories,
    recorded_run,
)


def row(problem_id="p", **changes):
    values = {
        "problem_id": problem_id,
        "sample": 0,
        "score": -0.5,
        "status": "wrong",
        "response_length": 12,
        "truncated": False,
        "policy_version": 3,
        "answer": "2",
        "response": r"so \boxed{2}",
    }
    return TrajectoryRow(**(values | changes))


def column(directory, name):
    return read_trajectories(directory).column(name).to_pylist()


def test_rows_come_back_as_they_were_written(tmp_path):
    writer = TrajectoryWriter(tmp_path / "new" / "folder", "run")
    rows = [row(), row("q", sample=1, answer=None, response=None, truncated=True)]
    writer.append(rows, epoch=2, step=5, rank=0)
    table = read_trajectories(tmp_path / "new" / "folder")
    assert table.schema.equals(SCHEMA, check_metadata=True)
    shared = {"run_id": "run", "epoch": 2, "step": 5, "score": -0.5, "status": "wrong"}
    shared |= {"response_length": 12, "policy_version": 3}
    assert table.to_pylist() == [
        shared
        | {"problem_id": "p", "sample": 0, "truncated": False}
        | {"answer": "2", "response": r"so \boxed{2}"},
        shared
        | {"problem_id": "q", "sample": 1, "truncated": True, "answer": None}
        | {"response": None},
    ]


def test_rows_are_ordered_by_step_then_rank_whenever_they_were_written(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    for step, rank in [(10, 0), (9, 1), (100, 0), (9, 0)]:
        writer.append([row(f"{step}/{rank}")], epoch=0, step=step, rank=rank)
    assert column(tmp_path, "problem_id") == ["9/0", "9/1", "10/0", "100/0"]


def test_a_step_written_again_replaces_its_rows(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    writer.append([row("old"), row("old", sample=1)], epoch=0, step=1, rank=0)
    TrajectoryWriter(tmp_path, "run").append([row("new")], epoch=0, step=1, rank=0)
    assert column(tmp_path, "problem_id") == ["new"]


def test_an_interrupted_write_leaves_no_trace_in_what_is_read(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    path = writer.append([row()], epoch=0, step=1, rank=0)
    path.with_name("step-00000002-rank-00000.tmp").write_bytes(path.read_bytes()[:40])
    assert column(tmp_path, "problem_id") == ["p"]
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".parquet"] == [path.name]


def test_rows_that_do_not_fit_the_schema_leave_no_file(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    with pytest.raises((TypeError, pyarrow.ArrowException)):
        writer.append([row(sample="first")], epoch=0, step=1, rank=0)
    assert list(tmp_path.iterdir()) == []


def test_a_step_without_rows_is_allowed(tmp_path):
    TrajectoryWriter(tmp_path, "run").append([], epoch=0, step=0, rank=0)
    assert read_trajectories(tmp_path).num_rows == 0


def test_only_some_columns_can_be_read(tmp_path):
    TrajectoryWriter(tmp_path, "run").append([row()], epoch=0, step=0, rank=0)
    assert read_trajectories(tmp_path, ["score", "epoch"]).column_names == ["score", "epoch"]
    with pytest.raises(
        ValueError, match=r"no trajectory columns \['reward'\]; there are \['run_id"
    ):
        read_trajectories(tmp_path, ["reward"])


def test_discarding_removes_later_steps_of_all_ranks(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    for step in (3, 4, 5):
        for rank in (0, 1):
            writer.append([row()], epoch=0, step=step, rank=rank)
    assert TrajectoryWriter(tmp_path, "another").discard_from(4) == 4
    assert column(tmp_path, "step") == [3, 3]


def test_a_folder_belongs_to_the_run_whose_rows_are_in_it(tmp_path):
    assert recorded_run(tmp_path / "absent") is None
    (tmp_path / "notes.txt").write_text("other files do not count\n")
    TrajectoryWriter(tmp_path, "idle").append([], epoch=0, step=0, rank=0)
    assert recorded_run(tmp_path) is None
    TrajectoryWriter(tmp_path, "run").append([row()], epoch=0, step=0, rank=1)
    assert recorded_run(tmp_path) == "run"


@pytest.mark.parametrize("folder", ["", "absent"])
def test_a_folder_without_trajectories_is_refused(tmp_path, folder):
    with pytest.raises(ValueError, match="holds no trajectories"):
        read_trajectories(tmp_path / folder)


def test_damage_and_other_versions_are_refused_by_name(tmp_path):
    path = TrajectoryWriter(tmp_path, "run").append([row()], epoch=0, step=0, rank=0)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"step-00000000-rank-00000\.parquet is damaged"):
        read_trajectories(tmp_path)
    pyarrow.parquet.write_table(pyarrow.table({"score": [1.0]}), path)
    with pytest.raises(ValueError, match=r"trajectory format none, this limr reads 1"):
        read_trajectories(tmp_path)
