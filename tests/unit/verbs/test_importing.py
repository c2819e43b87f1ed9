import json
import subprocess
import sys
from functools import partial

import pandas as pd
import pytest

from limr.trajectories import read_reward_curves, read_trajectories

ROW = {"prompt": "1+1", "response": "r", "reward": 1, "response_length": 5}


@pytest.fixture
def run(limr):
    return partial(limr, "import")


def write(folder, form):
    """A dump of two responses to one problem, one of them correct; its path."""
    rollouts = folder / "rollouts"
    rollouts.mkdir()
    if form == "limr":
        rows = [ROW, {**ROW, "reward": -0.5}]
        (rollouts / "step_1.json").write_text(json.dumps(rows))
    elif form == "verl":
        lines = [json.dumps({"input": "1+1", "output": "r", "score": s}) for s in (1.0, 0.0)]
        (rollouts / "1.jsonl").write_text("\n".join(lines))
    elif form == "trl":
        columns = {"step": 1, "prompt": ["1+1"] * 2, "completion": "r", "good": [1.0, 0.0]}
        pd.DataFrame(columns).to_parquet(rollouts / "completions_00001.parquet")
    elif form == "accuracies":
        (rollouts / "acc.json").write_text('{"p": [0.5]}')
        return str(rollouts / "acc.json")
    else:
        frame = pd.DataFrame({"problem_id": "p", "epoch": 0, "r": [2, 0]})
        frame.to_csv(rollouts / "t.csv", index=False)
        return str(rollouts / "t.csv")
    return str(rollouts)


@pytest.mark.parametrize(
    ("form", "flags"),
    [
        ("limr", ["--steps_per_epoch", "8"]),
        ("verl", []),
        ("trl", ["--reward_column", "good"]),
        ("accuracies", ["--samples", "2"]),
        ("table", ["--columns.reward", "r", "--grading.correct_score", "2"]),
    ],
)
def test_every_format_becomes_a_store(run, tmp_path, form, flags):
    status, out, err = run(form, "--input", write(tmp_path, form), "--output", "store", *flags)
    assert (status, err) == (0, "")
    assert out == "imported 2 responses to 1 problems over 1 epochs, 50.0% correct: store\n"
    assert read_reward_curves("store").accuracy.tolist() == [[0.5]]
    assert read_trajectories("store")["run_id"][0].as_py().startswith(f"{form}:")


def test_options_reach_the_importer(run, tmp_path):
    (tmp_path / "problems.json").write_text('[{"uid": "first", "q": "1+1"}]')
    flags = ["--problems", "problems.json", "--columns.id", "uid", "--columns.prompt", "q"]
    path = write(tmp_path, "limr")
    malformed = ["--grading.malformed_score", "-0.5"]
    assert run("limr", "--input", path, "--output", "store", *flags, *malformed)[0] == 0
    rows = read_trajectories("store").to_pydict()
    assert rows["problem_id"] == ["first"] * 2
    assert rows["status"] == ["correct", "malformed"]


def test_bad_input_is_one_line(run, tmp_path):
    path = write(tmp_path, "accuracies")
    status, _out, err = run("accuracies", "--input", path, "--output", "store", "--samples", "3")
    assert status == 1
    assert "epoch 0: 0.5 is no share of 3 responses" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["rllib"], "no format 'rllib'; limr imports limr, accuracies, verl, trl, table"),
        (["limr", "--output", "store"], "input"),
        (["accuracies", "--input", "a", "--output", "b"], "samples"),
        (["verl", "--input", "a", "--output", "b", "--sample", "3"], "sample"),
    ],
)
def test_misuse_is_told(run, flags, message):
    status, _out, err = run(*flags)
    assert status == 2
    assert message in err


def test_help_lists_the_formats_and_a_formats_options(run):
    assert "acc_step_500.json" in run("--help")[1]
    assert "--steps_per_epoch" in run("limr", "--help")[1]


def test_import_needs_no_torch():
    code = (
        "import sys, limr.verbs.importing as verb; verb.main(['--help']);"
        "sys.exit(bool({'torch', 'lightning', 'mlflow', 'pandas'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
