import json

from graded_toys import graded

from evaluators.responses import question_shares, response_rows, write_responses


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


def test_one_file_per_benchmark_read_back(tmp_path):
    easy = list(response_rows(graded(["correct", "wrong"]), step=12))
    hard = list(response_rows(graded(["wrong"], benchmark="aime/24 I"), step=12))
    paths = write_responses([*easy, *hard], tmp_path / "new", verb="fit", step=12)
    assert [path.name for path in paths] == [
        "fit-easy-step000012.jsonl",
        "fit-aime_24_I-step000012.jsonl",
    ]
    assert [json.loads(line) for line in paths[0].read_text(encoding="utf-8").splitlines()] == easy
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in paths
    )


def test_writing_again_replaces(tmp_path):
    rows = list(response_rows(graded(["correct", "wrong"]), step=0))
    write_responses(rows, tmp_path, verb="fit", step=0)
    (path,) = write_responses(rows[:1], tmp_path, verb="fit", step=0)
    assert len(path.read_text().splitlines()) == 1


def test_shares_are_by_problem():
    easy = response_rows(graded(["correct", "wrong", "correct"], ids=["a", "a", "b"]), step=0)
    hard = response_rows(graded(["malformed"], ids=["a"], benchmark="hard"), step=0)
    assert question_shares([*easy, *hard]) == {"easy": {"a": 0.5, "b": 1.0}, "hard": {"a": 0.0}}
