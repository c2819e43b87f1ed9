"""The three formats with one file per step; expected epochs and ids are counted by hand."""

import json
import logging

import pandas as pd
import pytest

from limr.tables import prompt_id
from limr.trajectories.importers import (
    LIMR,
    UNKNOWN,
    VERL,
    Grading,
    StepOptions,
    read_steps,
    trl_format,
)


def limr_row(prompt, reward=1, length=5):
    return {"prompt": prompt, "response": "r", "reward": reward, "response_length": length}


def write_limr(folder, steps):
    for step, rows in steps.items():
        (folder / f"step_{step}.json").write_text(json.dumps(rows))


def read(folder, form, **options):
    return dict(read_steps(str(folder), form, StepOptions(**options)))


def summary(steps):
    return {step: [(row.problem_id, row.epoch) for row in rows] for step, rows in steps.items()}


@pytest.fixture
def problems(tmp_path):
    path = tmp_path / "problems.jsonl"
    rows = [("a", "1+1 "), ("b", "2+2"), ("twin of b", "2+2")]
    path.write_text("".join(json.dumps({"id": i, "prompt": p}) + "\n" for i, p in rows))
    return str(path)


def test_the_originals_dumps(tmp_path):
    write_limr(tmp_path, {1: [limr_row("1+1"), limr_row("1+1", -0.5, 7)], 2: [limr_row("x", -1)]})
    steps = read(tmp_path, LIMR, steps_per_epoch=2, grading=Grading(malformed_score=-1))
    assert list(steps) == [1, 2]
    assert [row.score for row in steps[1]] == [1, -0.5]
    assert [row.status for row in steps[1] + steps[2]] == ["correct", "wrong", "malformed"]
    assert [row.response_length for row in steps[1]] == [5, 7]
    assert {row.problem_id for row in steps[1]} == {prompt_id("1+1")}


def test_epochs_by_steps_count_from_the_first_step_of_the_run(tmp_path):
    write_limr(tmp_path, {step: [limr_row("x")] for step in (7, 8, 9, 10)})
    epochs = {step: rows[0].epoch for step, rows in read(tmp_path, LIMR, steps_per_epoch=8).items()}
    assert epochs == {7: 0, 8: 0, 9: 1, 10: 1}


def test_epochs_by_visits_are_each_problems_own(tmp_path, problems):
    one, two = limr_row(" 1+1"), limr_row("2+2\n")
    write_limr(tmp_path, {1: [one, one], 2: [two], 10: [one, two], 11: [two]})
    assert summary(read(tmp_path, LIMR, problems=problems)) == {
        1: [("a", 0), ("a", 0)],
        2: [("b", 0)],
        10: [("a", 1), ("b", 1)],
        11: [("b", 2)],
    }


def test_missing_steps_are_told(tmp_path, caplog):
    write_limr(tmp_path, {1: [limr_row("x")], 4: [limr_row("x")]})
    with caplog.at_level(logging.WARNING):
        read(tmp_path, LIMR)
    assert "2 step(s) are missing (2 ...)" in caplog.text


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "x", "response": "r", "response_length": 1}, "no column 'reward' for reward"),
        (limr_row("x", None), "reward .* is None, expected a finite number"),
        (limr_row("x", True), "reward .* is True"),
        (limr_row(""), "prompt .* is empty"),
        (["x"], "of type list, expected an object"),
    ],
)
def test_bad_rows_are_named_with_their_file(tmp_path, row, message):
    write_limr(tmp_path, {3: [limr_row("x"), row]})
    with pytest.raises(ValueError, match=rf"step_3\.json, row 2: .*{message}"):
        read(tmp_path, LIMR)


def test_a_file_cut_short_is_named(tmp_path):
    (tmp_path / "step_1.json").write_text('[{"prompt": "x"')
    with pytest.raises(ValueError, match=r"step_1\.json is no \.json file of rows"):
        read(tmp_path, LIMR)


def test_folders_without_dumps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no dumps"):
        read(tmp_path, LIMR)
    with pytest.raises(ValueError, match="no such folder"):
        read(tmp_path / "absent", LIMR)


def test_two_files_of_one_step_are_refused(tmp_path):
    write_limr(tmp_path, {"1": [], "01": []})
    with pytest.raises(ValueError, match="are the same step"):
        read(tmp_path, LIMR)


def test_unknown_prompts_are_refused_or_passed_over(tmp_path, problems, caplog):
    write_limr(tmp_path, {1: [limr_row("1+1"), limr_row("3+3")]})
    with pytest.raises(ValueError, match=r"row 2: no problem in .* has the prompt '3\+3'"):
        read(tmp_path, LIMR, problems=problems)
    with caplog.at_level(logging.WARNING):
        steps = read(tmp_path, LIMR, problems=problems, unknown_prompts="skip")
    assert summary(steps) == {1: [("a", 0)]}
    assert "passed over 1 responses" in caplog.text


def test_options_out_of_range_are_refused():
    with pytest.raises(ValueError, match="steps_per_epoch must be >= 1"):
        StepOptions(steps_per_epoch=0)
    with pytest.raises(ValueError, match="must have one group, it has 2"):
        StepOptions(prompt_pattern="(a)(b)")
    with pytest.raises(ValueError, match="prompt_pattern: missing"):
        StepOptions(prompt_pattern="(a")


def write_verl(folder, step, prompts, **extra):
    rows = [{"input": p, "output": "r", "gts": "2", "score": 1.0, "step": step} for p in prompts]
    text = "".join(json.dumps(row | extra) + "\n" for row in rows)
    (folder / f"{step}.jsonl").write_text(text)


def test_verls_dumps_with_the_chat_template_in_the_prompt(tmp_path, problems):
    folder = tmp_path / "rollouts"
    folder.mkdir()
    write_verl(folder, 1, ["system\nThink.\nuser\n1+1\nassistant\n"], acc=True, request_id="7")
    pattern = r"(?s)user\n(.*)\nassistant"
    steps = read(folder, VERL, problems=problems, prompt_pattern=pattern, steps_per_epoch=1)
    (row,) = steps[1]
    assert row[:5] == ("a", 0, 1.0, "correct", UNKNOWN)
    with pytest.raises(ValueError, match=r"1\.jsonl, row 1: prompt_pattern does not match"):
        read(folder, VERL, prompt_pattern="Question: (.*)")


def test_verls_bad_lines_are_named(tmp_path):
    write_verl(tmp_path, 2, ["x", "y"], score="high")
    with pytest.raises(ValueError, match=r"2\.jsonl, row 1: score .* is 'high'"):
        read(tmp_path, VERL)
    (tmp_path / "2.jsonl").write_text('{"input"\n')
    with pytest.raises(ValueError, match=r"2\.jsonl is no \.jsonl file of rows: line 1"):
        read(tmp_path, VERL)


def write_trl(folder, step, prompts, completion="r", **rewards):
    columns = {"step": step, "prompt": prompts, "completion": [completion] * len(prompts)}
    frame = pd.DataFrame(columns | rewards | {"advantage": 0.0})
    frame.to_parquet(folder / f"completions_{step:05d}.parquet")


def chat(text):
    return [{"role": "system", "content": "Think."}, {"role": "user", "content": text}]


@pytest.mark.parametrize("conversational", [False, True])
def test_trls_completions(tmp_path, conversational):
    prompts = [chat("1+1"), chat("2+2")] if conversational else ["1+1", "2+2"]
    completion = [{"role": "assistant", "content": "r"}] if conversational else "r"
    write_trl(tmp_path, 1, prompts, completion, accuracy_reward=[1.0, 0.0])
    (one, two) = read(tmp_path, trl_format())[1]
    assert one == (prompt_id("1+1"), 0, 1.0, "correct", UNKNOWN, "r", None)
    assert (two.problem_id, two.status) == (prompt_id("2+2"), "wrong")


def test_trls_reward_is_named_where_there_are_several(tmp_path):
    write_trl(tmp_path, 1, ["x"], accuracy_reward=[1.0], format_reward=[0.5])
    with pytest.raises(
        ValueError, match=r"row 1: name one of .*'accuracy_reward', 'format_reward'"
    ):
        read(tmp_path, trl_format())
    assert read(tmp_path, trl_format("format_reward"))[1][0].score == 0.5


def test_trls_rewards_that_are_none_are_refused(tmp_path):
    write_trl(tmp_path, 1, ["x", "y"], accuracy_reward=[1.0, float("nan")])
    with pytest.raises(ValueError, match=r"completions_00001\.parquet, row 2: reward"):
        read(tmp_path, trl_format())


def test_a_rollout_that_trl_dumped_twice_counts_once(tmp_path, caplog):
    for step, completion in ((1, "r"), (2, "r"), (3, "another")):
        write_trl(tmp_path, step, ["x"], completion, reward=[1.0])
    with caplog.at_level(logging.WARNING):
        steps = read(tmp_path, trl_format())
    assert {step: rows[0].epoch for step, rows in steps.items()} == {1: 0, 3: 1}
    assert "completions_00002.parquet: the same responses" in caplog.text


def test_trls_prompts_without_a_user_are_refused(tmp_path):
    write_trl(tmp_path, 1, [chat("x")[:1]], reward=[1.0])
    with pytest.raises(ValueError, match="one by the user"):
        read(tmp_path, trl_format())
