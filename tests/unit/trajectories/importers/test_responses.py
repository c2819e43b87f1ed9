import pyarrow
import pytest

from limr.trajectories import read_reward_curves, read_trajectories
from limr.trajectories.importers import UNKNOWN, Grading, ImportedResponse, write_store

RIGHT = ImportedResponse("a", 0, 1.0, "correct", 12, "text", "equal")
WRONG = ImportedResponse("a", 0, -0.5, "wrong")


def test_a_reward_is_correct_malformed_or_else_wrong():
    grading = Grading(correct_score=2.0, malformed_score=-1.0)
    assert [grading.status(score) for score in (2.0, 1.0, -1.0)] == [
        "correct",
        "wrong",
        "malformed",
    ]
    assert [Grading().status(score) for score in (1.0, 0.999, -1.0)] == ["correct"] + ["wrong"] * 2


def test_the_store_holds_every_response(tmp_path):
    rows = [RIGHT, WRONG, ImportedResponse("b", 1, 1.0, "correct")]
    summary = write_store(str(tmp_path), "run", [(3, rows), (4, [])])
    assert summary == (3, 2, 2, 2)
    table = read_trajectories(tmp_path)
    expected = {
        "run_id": ["run"] * 3,
        "epoch": [0, 0, 1],
        "step": [3] * 3,
        "problem_id": ["a", "a", "b"],
        "sample": [0, 1, 0],
        "score": [1.0, -0.5, 1.0],
        "status": ["correct", "wrong", "correct"],
        "response_length": [12, UNKNOWN, UNKNOWN],
        "truncated": [False] * 3,
        "policy_version": [UNKNOWN] * 3,
        "answer": [None] * 3,
        "reason": ["equal", None, None],
        "response": ["text", None, None],
    }
    assert table.to_pydict() == expected
    assert read_reward_curves(tmp_path).accuracy[0, 0] == 0.5


def test_a_store_that_fails_half_way_leaves_nothing(tmp_path):
    def steps():
        yield 0, [RIGHT]
        raise ValueError("row 7 is bad")

    with pytest.raises(ValueError, match="row 7"):
        write_store(str(tmp_path), "run", steps())
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_not_written_into_another(tmp_path):
    write_store(str(tmp_path), "run", [(0, [RIGHT])])
    with pytest.raises(ValueError, match="holds trajectories already"):
        write_store(str(tmp_path), "run", [(1, [RIGHT])])
    assert read_trajectories(tmp_path).num_rows == 1


def test_nothing_to_import_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="nothing to import"):
        write_store(str(tmp_path), "run", [(0, [])])
    assert list(tmp_path.iterdir()) == []


def test_a_store_on_a_url():
    write_store("memory://importers/store", "run", [(0, [RIGHT])])
    assert isinstance(read_trajectories("memory://importers/store"), pyarrow.Table)
