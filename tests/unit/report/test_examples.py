import pytest
from comparison_toys import response_rows, toy_run, write_responses

from limr.report import examples as module
from limr.report.comparison import compare
from limr.report.examples import examples, shown_arm
from limr.report.folder_runs import read_folder_runs
from limr.report.runs import Found

OUTCOMES = {  # by arm and step, whether p0 to p3 are solved
    ("full", 0): [False, False, False, False],
    ("full", 4): [False, True, True, False],
    ("lim", 0): [False, False, False, False],
    ("lim", 4): [False, True, False, True],
}


@pytest.fixture
def comparison(tmp_path):
    for (arm, step), solved in OUTCOMES.items():
        answers = {f"p{i}": [correct, not correct] for i, correct in enumerate(solved)}
        rows = response_rows("easy", step, answers, response=f"{arm} at {step}")
        write_responses(tmp_path / arm / "responses", rows)
    return compare(read_folder_runs(tmp_path), baseline="full", match="steps")


def test_problems_that_the_arms_answer_differently_come_first(comparison):
    found, notes = examples(comparison)
    assert notes == []
    assert [example.problem_id for example in found] == ["p2", "p3", "p1", "p0"]
    answers = found[0].answers
    assert [answer.who for answer in answers] == ["before training", "full", "lim"]
    assert [answer.status for answer in answers] == ["wrong", "correct", "wrong"]
    assert [answer.response for answer in answers] == ["full at 0", "full at 4", "lim at 4"]
    assert [answer.length for answer in answers] == [10, 14, 14]
    assert (found[0].prompt, found[0].gold, found[0].benchmark) == ("1 + 1?", "2", "easy")


def test_there_are_a_few_of_each_benchmark_and_long_texts_are_cut(comparison, monkeypatch):
    monkeypatch.setattr(module, "PER_BENCHMARK", 2)
    monkeypatch.setattr(module, "_LONGEST", 4)
    found, _notes = examples(comparison)
    assert [example.problem_id for example in found] == ["p2", "p3"]
    assert found[0].answers[0].response == "full …"


def test_a_baseline_without_a_first_measurement_is_told(comparison, tmp_path):
    (tmp_path / "full/responses/fit-easy-step000000.parquet").unlink()
    comparison = compare(read_folder_runs(tmp_path), baseline="full", match="steps")
    found, (note,) = examples(comparison)
    assert note == "no examples from before training: 'full' has no step 0 of easy"
    assert [answer.who for answer in found[0].answers] == ["full", "lim"]


@pytest.mark.parametrize(
    ("ends", "shown"),
    [({"lim": 0.1, "random": 0.9}, "lim"), ({"a": 0.1, "b": 0.9}, "b"), ({}, None)],
)
def test_the_selected_arm_is_shown_or_the_best(ends, shown):
    runs = [toy_run(arm, {"easy": {0: [share]}}) for arm, share in {"full": 0.5, **ends}.items()]
    arm = shown_arm(compare(Found(runs, []), baseline="full", match="steps"))
    assert (arm.name if arm else None) == shown
