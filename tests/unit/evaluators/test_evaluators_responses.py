from pathlib import Path

import pyarrow.parquet
import pytest
from graded_toys import graded

from evaluators.responses import (
    SCHEMA,
    graded_again,
    question_shares,
    read_responses,
    response_rows,
    responses_path,
    write_responses,
)

FACTS = {"version": 1, "sampling": {"temperature": 0.4}, "key": "abc"}


def test_a_row_holds_everything_about_one_response():
    batch = graded(["correct", "wrong"], samples_per_prompt=2, families=["sums", "sums"])
    rows = list(response_rows(batch, step=7))
    assert rows[1] == {
        "benchmark": "easy",
        "step": 7,
        "problem_id": "p0",
        "sample": 1,
        "family": "sums",
        "level": "",
        "prompt": "1 + 1?",
        "gold": "2",
        "response": "\\boxed{é}",
        "answer": "2",
        "status": "wrong",
        "reason": "",
        "score": -0.5,
        "length": 4,
        "truncated": False,
    }
    assert [*rows[1]] == SCHEMA.names


def test_rows_become_the_responses_they_were():
    batch = graded(["correct", "wrong"], samples_per_prompt=2, truncated=[False, True])
    rows = list(response_rows(batch, step=7))
    assert graded_again(rows, benchmark="easy", samples_per_prompt=2) == batch


@pytest.mark.parametrize(
    ("benchmark", "mark", "name"),
    [
        ("easy", "", "fit-easy-step000012.parquet"),
        ("aime/24 I", "1a2b", "fit-aime_24_I-step000012-1a2b.parquet"),
    ],
)
def test_a_file_is_named_by_verb_benchmark_and_step(benchmark, mark, name):
    path = responses_path(Path("r"), verb="fit", benchmark=benchmark, step=12, mark=mark)
    assert path == Path("r") / name


def test_a_file_is_read_back_with_its_facts_also_by_others(tmp_path):
    rows = list(response_rows(graded(["correct", "wrong"]), step=12))
    rows[0]["answer"] = None
    path = tmp_path / "new" / "fit.parquet"
    write_responses(rows, path, FACTS)
    assert read_responses(path) == (rows, FACTS)
    assert pyarrow.parquet.read_table(path).to_pylist() == rows
    assert pyarrow.parquet.read_table(path.parent).num_rows == 2
    assert [p.name for p in path.parent.iterdir()] == ["fit.parquet"]


def test_the_same_responses_give_the_same_bytes_and_writing_again_replaces(tmp_path):
    rows = list(response_rows(graded(["correct", "wrong"]), step=0))
    contents = []
    for some in (rows, rows[:1], rows):
        write_responses(some, tmp_path / "a.parquet", FACTS)
        contents.append((tmp_path / "a.parquet").read_bytes())
    assert contents[0] == contents[2] != contents[1]


def test_a_file_that_cannot_be_written_or_read_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot write .*file/a\.parquet"):
        write_responses([], tmp_path / "file" / "a.parquet", FACTS)
    rows = list(response_rows(graded(["correct"]), step=0))
    write_responses(rows, tmp_path / "a.parquet", FACTS)
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"a\.parquet is damaged or .*remove it to measure again"):
        read_responses(tmp_path / "a.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"b\.parquet is damaged or no file of responses"):
        read_responses(tmp_path / "b.parquet")


def test_shares_are_by_problem():
    easy = response_rows(graded(["correct", "wrong", "correct"], ids=["a", "a", "b"]), step=0)
    assert question_shares(easy) == {"a": 0.5, "b": 1.0}
    assert question_shares([]) == {}
