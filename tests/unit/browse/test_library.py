import json

import pytest
from browse_toys import row, write_counted

from limr.browse import library as module
from limr.browse.library import Library
from limr.tables import Columns
from limr.trajectories import StepFiles, TrajectoryWriter


@pytest.fixture
def at_once(monkeypatch):
    """Look at the files at every request."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(module, "_SHARE", 0)


def test_what_was_asked_comes_from_the_store(tmp_path):
    write_counted(tmp_path)
    asked = Library(str(tmp_path)).current().asked
    assert [known.prompt for known in asked][:2] == ["Prompt of easy", "Prompt of hard"]
    assert {known.family for known in asked} == {"kind 0", "kind 1"}


def test_a_named_problem_file_is_read_instead(tmp_path):
    write_counted(tmp_path / "store")
    path = tmp_path / "mine.jsonl"
    rows = [{"key": i, "text": "half a pair \ud800", "answer": None} for i in ("easy", "late")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = Columns(id="key", prompt="text")
    snapshot = Library(str(tmp_path / "store"), problems=str(path), columns=columns).current()
    assert snapshot.asked[snapshot.row("late")] == ("half a pair ?", "", "", "")
    assert (snapshot.unknown, snapshot.row("unvisited")) == (2, None)


def test_a_file_of_other_problems_is_refused(tmp_path):
    write_counted(tmp_path / "store")
    (tmp_path / "other.jsonl").write_text('{"id": "x", "prompt": "?", "answer": "1"}\n')
    with pytest.raises(ValueError, match=r"other\.jsonl has none of the problems in .*store; give"):
        Library(str(tmp_path / "store"), problems=str(tmp_path / "other.jsonl"))


def test_new_files_are_seen(tmp_path, at_once):
    writer = write_counted(tmp_path, epochs=2)
    library = Library(str(tmp_path))
    before = library.current()
    assert library.current() is before
    writer.append([row("easy"), row("new")], epoch=2, step=2, rank=0)
    after = library.current()
    assert after.curves.epochs.tolist() == [0, 1, 2]
    assert after.row("new") is not None
    writer.append([row("easy")], epoch=2, step=2, rank=0)
    assert library.current().row("new") is None


def test_files_are_not_looked_at_all_the_time(tmp_path, monkeypatch):
    write_counted(tmp_path)
    library = Library(str(tmp_path))
    monkeypatch.setattr(StepFiles, "state", lambda _: pytest.fail("looked"))
    assert library.current().seen == 4


def test_what_cannot_be_read_leaves_what_was_read_before(tmp_path, at_once):
    writer = write_counted(tmp_path)
    library = Library(str(tmp_path))
    before = library.current()
    broken = tmp_path / "step-00000003-rank-00000.parquet"
    broken.write_bytes(b"PAR1")
    assert library.current() is before
    assert "step-00000003-rank-00000.parquet is damaged" in library.failure
    broken.unlink()
    writer.append([row("new")], epoch=3, step=3, rank=0)
    assert library.current().row("new") is not None
    assert library.failure == ""


def test_a_store_that_went_away_is_told(tmp_path, at_once):
    writer = write_counted(tmp_path)
    library = Library(str(tmp_path))
    writer.discard_from(0)
    assert library.current().seen == 4
    assert "holds no trajectories" in library.failure


def test_folders_without_trajectories_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no trajectories .*no such folder"):
        Library(str(tmp_path / "absent"))
    TrajectoryWriter(tmp_path, "run").append([], epoch=0, step=0, rank=0)
    with pytest.raises(ValueError, match="only empty steps"):
        Library(str(tmp_path))
