from pathlib import Path
from typing import get_args

import fsspec
import pyarrow
import pyarrow.parquet
import pytest

from limr.trajectories import (
    SCHEMA,
    StepFiles,
    TrajectoryRow,
    TrajectoryWriter,
    problems_file,
    read_reward_curves,
    read_trajectories,
    recorded_run,
    write_problems,
)
from limr.types import Status


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
        "reason": "not equal",
        "response": r"so \boxed{2}",
    }
    return TrajectoryRow(**(values | changes))


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    """A folder's address: on disk or, standing for object stores, in fsspec's memory."""
    if request.param == "local":
        yield str(tmp_path / "store")
    else:
        yield f"memory://{tmp_path.name}"
        memory = fsspec.filesystem("memory")
        if memory.exists(tmp_path.name):
            memory.rm(tmp_path.name, recursive=True)


def column(directory, name):
    return read_trajectories(directory).column(name).to_pylist()


def test_rows_come_back_as_they_were_written(store):
    writer = TrajectoryWriter(f"{store}/new/folder", "run")
    rows = [row(), row("q", sample=1, answer=None, reason=None, response=None, truncated=True)]
    writer.append(rows, epoch=2, step=5, rank=0)
    table = read_trajectories(f"{store}/new/folder")
    assert table.schema.equals(SCHEMA, check_metadata=True)
    shared = {"run_id": "run", "epoch": 2, "step": 5, "score": -0.5, "status": "wrong"}
    shared |= {"response_length": 12, "policy_version": 3}
    assert table.to_pylist() == [
        shared
        | {"problem_id": "p", "sample": 0, "truncated": False}
        | {"answer": "2", "reason": "not equal", "response": r"so \boxed{2}"},
        shared
        | {"problem_id": "q", "sample": 1, "truncated": True}
        | {"answer": None, "reason": None, "response": None},
    ]


def test_rows_are_ordered_by_step_then_rank_whenever_they_were_written(store):
    writer = TrajectoryWriter(store, "run")
    for step, rank in [(10, 0), (9, 1), (100, 0), (9, 0)]:
        writer.append([row(f"{step}/{rank}")], epoch=0, step=step, rank=rank)
    assert column(store, "problem_id") == ["9/0", "9/1", "10/0", "100/0"]


def column_alone(directory, name):
    return read_trajectories(directory, [name]).column(name).to_pylist()


def as_version_1(path):
    """Write the file again as limr did before verdicts' reasons were kept."""
    table = pyarrow.parquet.read_table(path).drop_columns("reason")
    assert table.num_columns == 12
    metadata = {b"limr_trajectories_version": b"1"}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)


def test_files_of_version_1_are_read_without_reasons(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    old, _new = (writer.append([row()], epoch=0, step=step, rank=0) for step in (0, 1))
    written = read_trajectories(tmp_path).to_pylist()
    as_version_1(old)
    table = read_trajectories(tmp_path)
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert table.to_pylist() == [written[0] | {"reason": None}, written[1]]
    some = ["answer", "reason", "epoch"]
    assert read_trajectories(tmp_path, some).column_names == some
    assert column_alone(tmp_path, "reason") == [None, "not equal"]
    assert recorded_run(tmp_path) == "run"
    assert read_reward_curves(tmp_path).samples.tolist() == [[2]]


def test_one_problems_rows_are_found_without_reading_all(store, monkeypatch):
    monkeypatch.setattr("limr.trajectories.store._ROW_GROUP_BYTES", 4000)
    writer = TrajectoryWriter(store, "run")
    names = [f"p{i % 7}" for i in range(100)]
    rows = [row(name, sample=i, response=f"{i} " * 50) for i, name in enumerate(names)]
    path = writer.append(rows, epoch=0, step=0, rank=0)
    with writer.files._opened(path) as (file, _):
        assert 3 < file.num_row_groups < 20
    everything = read_trajectories(store)
    for name in {*names}:
        found = writer.files.read_problem(path, name)
        assert found.schema.equals(SCHEMA, check_metadata=True)
        assert found.to_pylist() == [r for r in everything.to_pylist() if r["problem_id"] == name]
    assert writer.files.read_problem(path, "p").num_rows == 0


def test_one_problems_rows_are_found_in_files_of_version_1(tmp_path):
    path = one_file(tmp_path)
    as_version_1(path)
    found = StepFiles(tmp_path).read_problem(str(path), "p")
    assert found.to_pylist() == read_trajectories(tmp_path).to_pylist()
    assert found["reason"].to_pylist() == [None] * len(found)


def test_files_without_texts_are_one_row_group(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    rows = [row(f"problem {i}", response=None) for i in range(8192)]
    path = writer.append(rows, epoch=0, step=0, rank=0)
    assert pyarrow.parquet.ParquetFile(path).num_row_groups == 1


def test_a_version_1_file_with_reasons_is_damaged(tmp_path):
    path = one_file(tmp_path)
    table = pyarrow.parquet.read_table(path)
    metadata = {b"limr_trajectories_version": b"1"}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(ValueError, match=rf"{path.name} is damaged: its columns are"):
        read_trajectories(tmp_path)


def test_a_step_written_again_replaces_its_rows(store):
    writer = TrajectoryWriter(store, "run")
    writer.append([row("old"), row("old", sample=1)], epoch=0, step=1, rank=0)
    TrajectoryWriter(store, "run").append([row("new")], epoch=0, step=1, rank=0)
    assert column(store, "problem_id") == ["new"]


def test_a_write_that_is_cut_short_leaves_what_was_there(tmp_path, monkeypatch):
    writer = TrajectoryWriter(tmp_path, "run")
    writer.append([row("before")], epoch=0, step=1, rank=0)

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        for step in (1, 2):
            with pytest.raises(KeyboardInterrupt):
                writer.append([row("after")], epoch=0, step=step, rank=0)
    leftovers = [path for path in tmp_path.iterdir() if path.suffix == ".tmp"]
    assert len(leftovers) == 2
    leftovers[0].write_bytes(leftovers[0].read_bytes()[:40])
    assert column(tmp_path, "problem_id") == ["before"]
    assert pyarrow.parquet.read_table(tmp_path)["problem_id"].to_pylist() == ["before"]
    assert writer.discard_from(0) == 1


def test_rows_that_do_not_fit_the_schema_leave_no_file(tmp_path):
    writer = TrajectoryWriter(tmp_path, "run")
    with pytest.raises((TypeError, pyarrow.ArrowException)):
        writer.append([row(sample="first")], epoch=0, step=1, rank=0)
    assert list(tmp_path.iterdir()) == []


def test_a_step_without_rows_is_allowed(tmp_path):
    TrajectoryWriter(tmp_path, "run").append([], epoch=0, step=0, rank=0)
    assert read_trajectories(tmp_path).num_rows == 0


def test_only_some_columns_can_be_read(store):
    TrajectoryWriter(store, "run").append([row()], epoch=0, step=0, rank=0)
    assert read_trajectories(store, ["score", "epoch"]).column_names == ["score", "epoch"]
    with pytest.raises(
        ValueError, match=r"no trajectory columns \['reward'\]; there are \['run_id"
    ):
        read_trajectories(store, ["reward"])


def test_discarding_removes_later_steps_of_all_ranks(store):
    writer = TrajectoryWriter(store, "run")
    for step in (3, 4, 5):
        for rank in (0, 1):
            writer.append([row()], epoch=0, step=step, rank=rank)
    assert TrajectoryWriter(store, "another").discard_from(4) == 4
    assert column(store, "step") == [3, 3]


def test_a_folder_belongs_to_the_run_whose_rows_are_in_it(store):
    assert recorded_run(f"{store}/absent") is None
    TrajectoryWriter(store, "idle").append([], epoch=0, step=0, rank=0)
    assert recorded_run(store) is None
    TrajectoryWriter(store, "run").append([row()], epoch=0, step=0, rank=1)
    assert recorded_run(store) == "run"


def test_other_files_do_not_count(tmp_path):
    for name in ("notes.txt", "step-1.parquet", ".step-00000001-rank-00000.parquet.tmp"):
        (tmp_path / name).write_text("not a trajectory\n")
    assert recorded_run(tmp_path) is None
    TrajectoryWriter(tmp_path, "run").append([row()], epoch=0, step=0, rank=0)
    assert column(tmp_path, "problem_id") == ["p"]


@pytest.mark.parametrize("folder", ["", "/absent"])
def test_a_folder_without_trajectories_is_refused(store, folder):
    StepFiles(store).make_folder()
    with pytest.raises(ValueError, match="holds no trajectories") as error:
        read_trajectories(store + folder)
    assert str(error.value).endswith("there is no such folder") == bool(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "Correct"}, r"row 1 \(q\) has status 'Correct'; there are \('correct',"),
        ({"score": float("nan")}, r"row 1 \(q\) has score nan, not a number"),
    ],
)
def test_rows_that_would_spoil_the_curves_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        TrajectoryWriter(tmp_path, "run").append(
            [row(), row("q", **changes)], epoch=0, step=0, rank=0
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", get_args(Status))
def test_every_status_of_the_verifier_can_be_written(tmp_path, status):
    TrajectoryWriter(tmp_path, "run").append([row(status=status)], epoch=0, step=0, rank=0)
    assert column(tmp_path, "status") == [status]


def one_file(directory):
    return Path(TrajectoryWriter(directory, "run").append([row()], epoch=0, step=0, rank=0))


def test_a_truncated_file_is_refused_by_name(store):
    path = TrajectoryWriter(store, "run").append([row()], epoch=0, step=0, rank=0)
    filesystem = fsspec.filesystem(store.split(":")[0] if ":" in store else "file")
    content = filesystem.cat_file(path)
    for length in (0, 3, len(content) // 2, len(content) - 1):
        filesystem.pipe_file(path, content[:length])
        with pytest.raises(ValueError, match=r"step-00000000-rank-00000\.parquet is damaged"):
            read_trajectories(store)


def test_no_changed_byte_goes_unnoticed(tmp_path):
    path = one_file(tmp_path)
    content, table = path.read_bytes(), read_trajectories(tmp_path)
    unnoticed = []
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 0x10
        path.write_bytes(changed)
        try:
            harmless = read_trajectories(tmp_path).equals(table)
        except ValueError as error:
            harmless = path.name in str(error)
        if not harmless:
            unnoticed.append(position)
    assert unnoticed == []


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "trajectory format none, this limr reads 1 and 2"),
        ({b"limr_trajectories_version": b"3"}, "trajectory format 3, this limr reads 1 and 2"),
        (SCHEMA.metadata, r"its columns are score double; expected: run_id string not null, epo"),
    ],
)
def test_other_versions_and_columns_are_refused_by_name(tmp_path, metadata, message):
    path = one_file(tmp_path)
    table = pyarrow.table({"score": [1.0]}).replace_schema_metadata(metadata)
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(ValueError, match=rf"{path.name}.* {message}"):
        read_trajectories(tmp_path)


def test_an_address_names_its_protocol(tmp_path):
    assert StepFiles(tmp_path).uri == f"file://{tmp_path}"
    assert StepFiles("memory://a/b").uri == "memory:///a/b"


def test_a_download_holds_the_files_and_nothing_else(store, tmp_path):
    writer = TrajectoryWriter(store, "run")
    for step in (1, 2):
        writer.append([row(str(step))], epoch=0, step=step, rank=0)
    (tmp_path / "copy").mkdir()
    StepFiles(store).download(tmp_path / "copy")
    assert column(tmp_path / "copy", "problem_id") == ["1", "2"]
    assert len(list((tmp_path / "copy").iterdir())) == 2
    write_problems(store, [])
    StepFiles(store).download(tmp_path / "copy")
    assert len(list((tmp_path / "copy").iterdir())) == 3
    assert problems_file(tmp_path / "copy") == str(tmp_path / "copy" / "_problems.jsonl")


def test_the_state_changes_with_the_files_alone(store):
    files = StepFiles(store)
    assert files.state() == StepFiles(f"{store}/absent").state()
    states = [files.state()]
    writer = TrajectoryWriter(store, "run")
    for change in (
        lambda: writer.append([row()], epoch=0, step=0, rank=0),
        lambda: writer.append([row()], epoch=0, step=1, rank=0),
        lambda: writer.append([row(), row("q")], epoch=0, step=1, rank=0),
        lambda: write_problems(store, []),
        lambda: writer.discard_from(1),
    ):
        change()
        assert files.state() == files.state()
        states.append(files.state())
    assert len({*states}) == len(states)
