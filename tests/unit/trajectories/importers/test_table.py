import json

import pandas as pd
import pytest

from limr.trajectories.importers import UNKNOWN, Grading, TableColumns, read_table, table

ROWS = [
    {"problem_id": "a", "epoch": 0, "reward": 1.0},
    {"problem_id": "a", "epoch": 1, "reward": -0.5},
]


def write(folder, rows, name="t.jsonl"):
    path = folder / name
    if path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path, columns=None, **options):
    steps = read_table(path, TableColumns(**columns or {}), **options)
    return [row for _step, rows in steps for row in rows]


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.parquet"])
def test_all_kinds_of_files_are_read_alike(tmp_path, name):
    assert read(write(tmp_path, ROWS, name)) == [
        ("a", 0, 1.0, "correct", UNKNOWN, None, None),
        ("a", 1, -0.5, "wrong", UNKNOWN, None, None),
    ]


def test_columns_have_any_names(tmp_path):
    rows = [{"q": 7, "pass": 2, "r": 2, "tokens": 9, "text": "so", "why": "equal"}]
    names = {"problem_id": "q", "epoch": "pass", "reward": "r", "response_length": "tokens"}
    names |= {"response": "text", "reason": "why"}
    found = read(write(tmp_path, rows), names, grading=Grading(correct_score=2))
    assert found == [("7", 2, 2.0, "correct", 9, "so", "equal")]


def test_what_is_correct_stands_over_the_reward(tmp_path):
    rows = [{**ROWS[0], "ok": ok} for ok in (True, False)] + [{**ROWS[1], "ok": 1}]
    found = read(write(tmp_path, rows), {"correct": "ok"})
    assert [row.status for row in found] == ["correct", "wrong", "correct"]
    assert [row.score for row in found] == [1.0, 1.0, -0.5]


def test_without_rewards_they_are_one_and_nought(tmp_path):
    rows = [{"problem_id": "a", "epoch": 0, "ok": ok} for ok in ("True", "0")]
    found = read(write(tmp_path, rows, "t.csv"), {"reward": None, "correct": "ok"})
    assert [(row.status, row.score) for row in found] == [("correct", 1.0), ("wrong", 0.0)]


def test_long_tables_come_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "ROWS_PER_STEP", 2)
    steps = list(read_table(write(tmp_path, ROWS * 2 + ROWS[:1])))
    assert [(step, len(rows)) for step, rows in steps] == [(0, 2), (1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 0.5}, r"epoch \(column 'epoch'\) is 0\.5, expected a whole number"),
        ({"epoch": -1}, "epoch .* is -1.0, expected a whole number"),
        ({"reward": "good"}, "reward .* is 'good', expected a finite number"),
        ({"reward": None}, "reward .* is None"),
        ({"problem_id": None}, "problem .* is empty"),
        ({"ok": "perhaps"}, "correct .* is 'perhaps', expected true or false"),
    ],
)
def test_bad_rows_are_named_with_their_file(tmp_path, change, message):
    path = write(tmp_path, [{**ROWS[0], "ok": 1}, {**ROWS[0], "ok": 1, **change}])
    with pytest.raises(ValueError, match=rf"t\.jsonl, row 2: {message}"):
        read(path, {"correct": "ok"})


def test_something_must_say_what_is_correct(tmp_path):
    with pytest.raises(ValueError, match=r"columns\.reward or columns\.correct"):
        read(write(tmp_path, ROWS), {"reward": None})
