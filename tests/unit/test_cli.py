"""Mistakes end in one clear line and a status, never in a page of traceback."""

import json
import shlex
from pathlib import Path

import pytest
import torch

from limr import __main__, cli
from limr.__main__ import main

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
    for word in ("fit", "validate", "verify", "limr fit --config experiments/quickstart.yaml"):
        assert word in out


def test_no_arguments_show_the_help(run):
    assert run() == run("--help")


def test_version(run):
    status, out, _ = run("--version")
    assert (status, out) == (0, "limr 0.1.0\n")


def test_an_unknown_verb_is_named(run):
    assert_one_clear_error(run("train"), 2, "no verb 'train'", "fit, validate, verify")


def test_the_trainers_verbs_are_its_parsers():
    assert tuple(cli.VERBS) == __main__._TRAINER_VERBS


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


@pytest.mark.parametrize("verb", ["fit", "validate"])
def test_a_missing_checkpoint_is_named(run, verb):
    result = run(verb, "--config", QUICKSTART, "--ckpt_path", "missing.ckpt")
    assert_one_clear_error(result, 1, "ckpt_path", "missing.ckpt")


def test_a_damaged_checkpoint_is_named(run, tmp_path):
    whole, half = tmp_path / "whole.ckpt", tmp_path / "half.ckpt"
    torch.save({"state_dict": {}}, whole)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = run("validate", "--config", QUICKSTART, "--ckpt_path", "half.ckpt")
    assert_one_clear_error(result, 1, "ckpt_path", "half.ckpt")


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("registry", True),
        ("registry:model", True),
        ("s3://bucket/a.ckpt", True),
        ("last", False),
        ("a/b.ckpt", False),
    ],
)
def test_what_the_trainer_fetches_is_left_to_it(path, remote):
    assert cli.is_remote(path) == remote


@pytest.mark.parametrize("asked", ["best", "last", "hpc"])
def test_a_kind_of_checkpoint_that_is_not_there_is_named(run, asked):
    result = run("validate", "--config", QUICKSTART, "--ckpt_path", asked)
    assert_one_clear_error(result, 1, f"ckpt_path: {asked}: there is no")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_an_accelerator_that_is_not_there_is_refused(run):
    flags = ("--trainer.accelerator=gpu", "--trainer.logger=false")
    assert_one_clear_error(run("fit", "--config", QUICKSTART, *flags), 1, "trainer", "gpu")


def test_a_model_that_nobody_has_is_named(run, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    flags = ("--model.init_args.pretrained.name=models/nope", "--trainer.logger=false")
    result = run("fit", "--config", QUICKSTART, *flags)
    assert_one_clear_error(result, 1, "pretrained.name", "models/nope", "no such folder")


@pytest.mark.parametrize("verb", ["fit", "validate"])
def test_the_first_screen_of_a_verbs_help_is_limrs(run, verb):
    status, out, _ = run(verb, "--help")
    head = out.splitlines()[:24]
    assert status == 0
    assert head[0].startswith(f"usage: limr {verb} --config FILE")
    for line in (
        f"  limr {verb} --model.help PPOModule",
        f"  limr {verb} --data.help MathDataModule",
        f"  limr {verb} --config FILE --print_config",
    ):
        assert any(text.startswith(line) for text in head)


def test_a_misuse_points_to_the_verbs_own_help(run):
    _, _, err = run("validate", "--config", "nowhere.yaml")
    assert err.splitlines()[-1] == "help:  limr validate --help"


def test_the_helps_commands_can_be_pasted(run):
    _, out, _ = run("--help")
    commands = out.replace("\\\n", " ").splitlines()
    validate = next(line for line in commands if line.startswith("  limr validate"))
    verify = next(line for line in commands if line.startswith("  limr verify"))
    assert shlex.split(validate)[-2:] == ["--ckpt_path", "runs/quickstart/checkpoints/last.ckpt"]
    assert run(*shlex.split(verify)[1:]) == (0, "correct\nanswer: 0.5\n", "")
