"""Mistakes end in one clear line and a status, never in a page of traceback."""

import json
from pathlib import Path

import pytest

from limr.__main__ import main
from limr.cli import plain

QUICKSTART = str(Path(__file__).parents[2] / "experiments" / "quickstart.yaml")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run `limr` in an empty folder; its exit status and what it wrote to stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        try:
            status = main(list(args))
        except SystemExit as exit:
            status = exit.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def assert_one_clear_error(result, status, *words):
    code, _, err = result
    errors = [line for line in err.splitlines() if line.startswith("error:")]
    assert code == status
    assert len(errors) == 1
    assert "Traceback" not in err
    for word in words:
        assert word in errors[0]


def test_help_names_every_verb_and_the_first_command(run):
    status, out, _ = run("--help")
    assert status == 0
    for word in ("fit", "validate", "limr fit --config experiments/quickstart.yaml"):
        assert word in out


def test_no_arguments_show_the_help(run):
    assert run() == run("--help")


def test_version(run):
    status, out, _ = run("--version")
    assert (status, out) == (0, "limr 0.1.0\n")


def test_an_unknown_verb_is_named(run):
    assert_one_clear_error(run("train"), 2, "no verb 'train'", "fit, validate")


def test_a_misspelt_key_is_named_with_the_right_one(run):
    flag = "--model.init_args.ppo.clip_rnge=0.3"
    assert_one_clear_error(run("fit", "--config", QUICKSTART, flag), 2, "clip_rnge", "clip_range")


def test_a_misspelt_key_in_a_file_is_named_with_the_right_one(run, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("model: {init_args: {sampling: {temprature: 1.0}}}\n")
    result = run("fit", "--config", QUICKSTART, "--config", str(overlay))
    assert_one_clear_error(result, 2, "temprature", "temperature")


def test_a_wrong_type_is_named_with_its_key(run):
    flag = "--model.init_args.ppo.clip_range=wide"
    assert_one_clear_error(run("fit", "--config", QUICKSTART, flag), 2, "clip_range", "wide")


def test_an_impossible_value_is_named(run):
    flag = "--model.init_args.ppo.gamma=1.5"
    assert_one_clear_error(run("fit", "--config", QUICKSTART, flag), 1, "ppo.gamma", "1.5")


def test_a_missing_config_file_is_named(run):
    assert_one_clear_error(run("fit", "--config", "nowhere.yaml"), 2, "nowhere.yaml")


def test_a_missing_problem_file_is_named(run, tmp_path):
    result = run(*with_problems(tmp_path, "missing.jsonl"))
    assert_one_clear_error(result, 1, "missing.jsonl")


def test_a_bad_row_is_named_with_file_and_number(run, tmp_path):
    rows = [{"id": "a", "prompt": "1+1=", "answer": "2"}, {"id": "b", "prompt": "1+2="}]
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert_one_clear_error(run(*with_problems(tmp_path, path)), 1, "problems.jsonl", "2", "answer")


def with_problems(folder, path):
    source = {"class_path": "limr.data.FileProblems", "init_args": {"path": str(path)}}
    overlay = folder / "overlay.yaml"
    overlay.write_text(json.dumps({"data": {"init_args": {"problems": source}}}))
    return ("fit", "--config", QUICKSTART, "--config", str(overlay), "--trainer.logger=false")


def test_a_nested_report_becomes_the_path_of_keys_and_the_fact():
    report = """Parser key "model":
  Does not validate against any of the Union subtypes
  Subtypes: [<class 'LightningModule'>, <class 'NoneType'>]
  Errors:
    - Problem with given class_path 'limr.training.PPOModule':
        Parser key "ppo.clip_range":
          Expected a <class 'float'>. Got value: wide
    - Expected a <class 'NoneType'>
  Given value type: <class 'dict'>
  Given value: {'ppo': {'clip_range': 'wide'}}"""
    assert plain(report) == "model.ppo.clip_range: Expected a <class 'float'>. Got value: wide"
