import json

import numpy as np
import pytest

from limr.tables import ProblemRow
from limr.trajectories import RewardCurves
from limr.verbs.scored import aligned, read_scores, rows_of, write_problems

PROBLEMS = [
    ProblemRow("b", "2+2", {"id": "b", "prompt": "2+2"}),
    ProblemRow("a", "1+1 ", {"id": "a", "prompt": "1+1 "}),
    ProblemRow("7", "2+2\n", {"id": 7, "prompt": "2+2\n"}),
]


def write(folder, rows):
    path = folder / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(folder, rows, problems=PROBLEMS):
    ids, scores = read_scores(write(folder, rows), problems)
    return dict(zip(ids, scores.tolist(), strict=True))


def test_scores_are_found_by_id(tmp_path):
    found = read(tmp_path, [{"id": 7, "score": 1}, {"id": "a", "score": 0.5, "prompt": "odd"}])
    assert [*found] == ["b", "a", "7"]
    assert (found["a"], found["7"]) == (0.5, 1.0)
    assert np.isnan(found["b"])


def test_scores_are_found_by_prompt_and_go_to_all_problems_with_it(tmp_path):
    found = read(tmp_path, [{"prompt": " 1+1", "score": 0.5}, {"prompt": "2+2", "score": None}])
    assert found["a"] == 0.5
    found = read(tmp_path, [{"prompt": "2+2 ", "score": 0.25}])
    assert found["b"] == found["7"] == 0.25


def test_without_problems_ids_are_taken_as_they_come(tmp_path):
    rows = [{"id": "z", "score": 2}, {"id": "a", "score": -1}]
    assert read(tmp_path, rows, None) == {"z": 2.0, "a": -1.0}


@pytest.mark.parametrize(
    ("rows", "problems", "message"),
    [
        ([{"id": "c", "score": 1}], PROBLEMS, "row 1: no problem has the id 'c'"),
        ([{"prompt": "3+3", "score": 1}], PROBLEMS, r"row 1: no problem has the prompt '3\+3'"),
        ([{"prompt": "3+3", "score": 1}], None, "row 1: has no id; give --problems"),
        ([{"id": "a"}], PROBLEMS, "row 1: no column 'score' for score"),
        ([{"id": "a", "score": "x"}], PROBLEMS, "row 1: score .* expected a finite number"),
        (["a"], PROBLEMS, "row 1: is of type str"),
        (
            [{"id": "b", "score": 1}, {"prompt": "2+2", "score": 1}],
            PROBLEMS,
            "row 2: problem b has a score already",
        ),
        ([], PROBLEMS, "holds no scores"),
    ],
)
def test_bad_scores_are_named(tmp_path, rows, problems, message):
    with pytest.raises(ValueError, match=rf"s\.jsonl.*{message}"):
        read_scores(write(tmp_path, rows), problems)


def curves(ids):
    shape = len(ids), 2
    numbers = np.arange(2.0 * len(ids)).reshape(shape) / 8
    return RewardCurves(
        np.array(ids), np.array([0, 3]), numbers, -numbers, np.full(shape, 8, np.int32)
    )


def test_problems_never_seen_get_empty_curves():
    found = aligned(curves(["b", "d"]), ["e", "d", "a", "b"])
    assert found.problem_ids.tolist() == ["a", "b", "d", "e"]
    assert found.samples.tolist() == [[0, 0], [8, 8], [8, 8], [0, 0]]
    assert found.accuracy[1:3].tolist() == [[0, 0.125], [0.25, 0.375]]
    assert found.score[1:3].tolist() == [[0, -0.125], [-0.25, -0.375]]
    assert np.isnan(found.accuracy[[0, 3]]).all()


@pytest.mark.parametrize("ids", [["a"], ["a", "z"]])
def test_curves_of_other_problems_are_refused(ids):
    with pytest.raises(ValueError, match=r"2 of 3 problems in the trajectories .* \(b, zz\)"):
        aligned(curves(["a", "b", "zz"]), ids)


def test_rows_are_written_as_they_were_read(tmp_path):
    rows = rows_of(["7", "b"], PROBLEMS)
    assert rows == [PROBLEMS[0].row, PROBLEMS[2].row]
    write_problems(tmp_path / "new" / "p.jsonl", [{"id": "é", "x": [None, 1.5]}])
    text = (tmp_path / "new" / "p.jsonl").read_text(encoding="utf-8")
    assert text == '{"id": "é", "x": [null, 1.5]}\n'


def test_a_row_has_its_id_under_that_name():
    row = {"uid": "u", "prompt": "1", "id": "another"}
    assert rows_of(["u"], [ProblemRow("u", "1", row)]) == [{**row, "id": "u"}]
    assert rows_of(["u"], None) == [{"id": "u"}]
