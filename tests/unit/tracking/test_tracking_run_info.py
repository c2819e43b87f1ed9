import platform
import subprocess
from types import SimpleNamespace

import lightning
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from tracking_toys import ToyModule

import limr
from limr.tracking import RunInfo
from limr.tracking.run_info import data_state, git_state


def git(folder, *args):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *args], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "code.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_a_run_is_tagged_with_its_circumstances(run_logger, fit, monkeypatch, tmp_path):
    monkeypatch.setenv("PL_GLOBAL_SEED", "7")
    fit(run_logger, RunInfo())
    tags = run_logger.experiment.get_run(run_logger.run_id).data.tags
    assert tags["verb"] == "fit"
    assert tags["seed"] == "7"
    assert tags["data.digest"] == "d1ge57"
    assert tags["data.problems"] == "3"
    assert tags["folder"] == str(tmp_path)
    assert tags["version.python"] == platform.python_version()
    assert tags["version.torch"] == torch.__version__
    assert tags["version.lightning"] == lightning.__version__
    assert tags["version.limr"] == limr.__version__
    assert tags["machine.threads"] == str(torch.get_num_threads())
    assert tags["git.commit"]


def test_a_module_that_starts_from_a_model_names_it(run_logger, fit):
    module = ToyModule()
    module.pretrained = SimpleNamespace(name="Qwen/Qwen2.5-Math-7B")
    fit(run_logger, RunInfo(), module=module)
    tags = run_logger.experiment.get_run(run_logger.run_id).data.tags
    assert tags["model"] == "Qwen/Qwen2.5-Math-7B"


def test_the_logger_s_own_tags_are_not_overwritten(run_logger, fit):
    run_logger.tags = {"seed": "of the sweep", "arm": "full"}
    fit(run_logger, RunInfo())
    tags = run_logger.experiment.get_run(run_logger.run_id).data.tags
    assert (tags["seed"], tags["arm"]) == ("of the sweep", "full")


def test_tags_given_to_a_run_that_goes_on_are_set(run_logger, fit):
    again = type(run_logger)(
        tracking_uri=run_logger._tracking_uri, run_id=run_logger.run_id, tags={"arm": "full"}
    )
    fit(again, RunInfo())
    assert again.experiment.get_run(again.run_id).data.tags["arm"] == "full"


def test_the_share_is_that_of_what_there_was_to_choose_from():
    data = SimpleNamespace(digest=lambda: "d", problems=[1, 2, 3], problems_available=8)
    assert data_state(data)["share"] == "0.375"
    data.problems_available = 3
    assert data_state(data)["share"] == "1"
    data.problems_available = None
    assert "share" not in data_state(data)


def test_other_loggers_are_left_alone(fit, tmp_path):
    logger = CSVLogger(tmp_path)
    fit(logger, RunInfo())
    assert "git.commit" not in logger.experiment.hparams


def test_git_state_of_a_clean_and_a_changed_repository(repository):
    commit = git(repository, "rev-parse", "HEAD")
    source = repository / "code.py"
    assert git_state(source) == {"git.commit": commit, "git.dirty": "false"}
    (repository / "notes.txt").write_text("untracked files change no code\n")
    assert git_state(source)["git.dirty"] == "false"
    source.write_text("x = 2\n")
    assert git_state(source) == {"git.commit": commit, "git.dirty": "true"}


def test_a_file_its_repository_does_not_track_is_unknown(repository):
    wheel = repository / "venv" / "code.py"
    wheel.parent.mkdir()
    wheel.write_text("x = 1\n")
    assert git_state(wheel) == {"git.commit": "unknown", "git.dirty": "unknown"}


def test_without_git_the_commit_is_unknown(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository / "empty"))
    assert git_state(repository / "code.py")["git.commit"] == "unknown"


def test_data_without_a_digest_has_no_tag():
    assert data_state(None) == {}
