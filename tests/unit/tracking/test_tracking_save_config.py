import sys

import pytest
import yaml
from lightning.pytorch import Callback
from lightning.pytorch.cli import LightningCLI
from tracking_toys import ToyData, ToyModule

from limr.tracking import MlflowSaveConfig

QUIET = {
    "accelerator": "cpu",
    "max_epochs": 1,
    "log_every_n_steps": 1,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


@pytest.fixture(autouse=True)
def no_other_arguments(monkeypatch):
    """LightningCLI warns when the process has arguments besides those it is given."""
    monkeypatch.setattr(sys, "argv", ["limr"])


class Refuses(Callback):
    def on_train_start(self, trainer, pl_module):
        raise ValueError("not in this folder")


def run_cli(root, logger, *flags, callbacks=()):
    own = {"default_root_dir": str(root), "logger": logger, "callbacks": [*callbacks]}
    return LightningCLI(
        ToyModule,
        ToyData,
        trainer_defaults={**QUIET, **own},
        save_config_callback=MlflowSaveConfig,
        save_config_kwargs={"save_to_log_dir": False},
        seed_everything_default=1,
        args=["fit", *flags],
    )


def test_the_file_says_what_ran_and_runs_again(tmp_path):
    run_cli(tmp_path / "a", False, "--trainer.limit_train_batches=3")
    saved = yaml.safe_load((tmp_path / "a/config.yaml").read_text())
    assert saved["trainer"]["limit_train_batches"] == 3
    assert saved["seed_everything"] == 1

    again = run_cli(
        tmp_path / "b",
        False,
        f"--config={tmp_path / 'a/config.yaml'}",
        f"--trainer.default_root_dir={tmp_path / 'b'}",
    )
    assert again.trainer.global_step == 3


def test_it_is_an_artifact_of_the_run_too(run_logger, tmp_path):
    cli = run_cli(
        tmp_path,
        {
            "class_path": "limr.tracking.RunLogger",
            "init_args": {
                "experiment_name": run_logger._experiment_name,
                "tracking_uri": run_logger._tracking_uri,
                "artifact_location": str(tmp_path / "artifacts"),
            },
        },
    )
    (artifact,) = (tmp_path / "artifacts").rglob("config.yaml")
    assert artifact.read_text() == (tmp_path / "config.yaml").read_text()
    assert cli.trainer.logger.run_id in artifact.parts


def test_a_second_run_in_the_folder_replaces_the_file(tmp_path):
    run_cli(tmp_path, False, "--trainer.limit_train_batches=3")
    run_cli(tmp_path, False, "--trainer.limit_train_batches=2")
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert saved["trainer"]["limit_train_batches"] == 2


def test_a_run_that_another_callback_refuses_leaves_the_file_alone(tmp_path):
    run_cli(tmp_path, False, "--trainer.limit_train_batches=3")
    with pytest.raises(ValueError, match="not in this folder"):
        run_cli(tmp_path, False, "--trainer.limit_train_batches=2", callbacks=[Refuses()])
    saved = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert saved["trainer"]["limit_train_batches"] == 3
