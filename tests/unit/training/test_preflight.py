"""Folders in use, folders that cannot be written and full disks are found before the first step."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule
from test_ppo_module import loader, make_module, make_trainer

from limr.files import FolderLock
from limr.training import Preflight, RunCheckpoint, TrajectoryRecorder
from limr.training.preflight import checkpoint_bytes, checkpoints_to_come, require_space

pytestmark = pytest.mark.filterwarnings("ignore:.*no `val_dataloader`")

HOLD = """
import pathlib, sys
from limr.files import FolderLock
lock = FolderLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
input()
"""


def start(tmp_path, make_prompts, model_folder):
    module = make_module(model_folder)
    trainer = make_trainer(Preflight(), default_root_dir=tmp_path)
    trainer.fit(module, loader(make_prompts(1)))


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"{tmp_path} is in use .*pid {holder.pid}"):
            FolderLock(tmp_path)
        holder.kill()
        holder.wait(timeout=20)
        FolderLock(tmp_path).release()


def test_a_second_run_in_the_folder_is_refused_and_the_first_gives_it_back(
    tmp_path, make_prompts, model_folder
):
    lock = FolderLock(tmp_path)
    with pytest.raises(ValueError, match=f"is in use by another run .*pid {os.getpid()}"):
        start(tmp_path, make_prompts, model_folder)
    lock.release()
    start(tmp_path, make_prompts, model_folder)
    with (tmp_path / ".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where the fit still holds it


def test_a_run_that_fails_gives_the_folder_back(tmp_path, make_prompts, model_folder):
    module = make_module(model_folder)
    module.estimate = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        make_trainer(Preflight(), default_root_dir=tmp_path).fit(module, loader(make_prompts(1)))
    FolderLock(tmp_path).release()


@pytest.mark.parametrize("part", ["root", "trajectories"])
def test_a_folder_that_cannot_be_written_is_named_before_weights_load(
    tmp_path, make_prompts, model_folder, part
):
    (tmp_path / "file").write_text("in the way")
    below = tmp_path / "file" / "run"
    module = make_module(model_folder)
    recorder = TrajectoryRecorder(str(below)) if part == "trajectories" else TrajectoryRecorder()
    root = below if part == "root" else tmp_path
    trainer = make_trainer(Preflight(), recorder, default_root_dir=root)
    with pytest.raises(ValueError, match=f"cannot write (to )?{below}.*: Not a directory"):
        trainer.fit(module, loader(make_prompts(1)))
    assert not hasattr(module, "policy")


def test_a_checkpoint_is_weights_and_two_moments():
    module = LightningModule()
    module.trained = torch.nn.Linear(10, 10)  # 110 floats
    module.frozen = torch.nn.Linear(4, 5, bias=False).requires_grad_(False)  # 20 floats
    assert checkpoint_bytes(module) == 4 * (110 + 20) + 8 * 110


def test_checkpoints_there_already_need_no_room(tmp_path):
    callback = RunCheckpoint(str(tmp_path), keep=2, monitor="val/easy/accuracy")
    assert checkpoints_to_come(callback, tmp_path) == 4  # two, the best and their successor
    (tmp_path / "step-1.ckpt").touch()
    (tmp_path / "last.ckpt").symlink_to("step-1.ckpt")
    assert checkpoints_to_come(callback, tmp_path) == 3
    for step in range(2, 9):
        (tmp_path / f"step-{step}.ckpt").touch()
    assert checkpoints_to_come(callback, tmp_path) == 1


def test_too_little_room_is_told_in_bytes(tmp_path):
    require_space(tmp_path, 1)
    with pytest.raises(ValueError, match=f"{tmp_path}: .* at least 1,000,000,000,000,000,000 b"):
        require_space(tmp_path, 10**18)


def test_the_fit_does_not_start_on_a_full_disk(tmp_path, make_prompts, model_folder, monkeypatch):
    monkeypatch.setattr("limr.training.preflight.checkpoint_bytes", lambda _: 10**18)
    trainer = make_trainer(Preflight(), default_root_dir=tmp_path)
    trainer.callbacks.append(RunCheckpoint())
    with pytest.raises(ValueError, match=f"{tmp_path}/checkpoints: checkpoints need"):
        trainer.fit(make_module(model_folder), loader(make_prompts(1)))
    assert trainer.global_step == 0


def test_one_fit_is_checked_without_leaving_anything(tmp_path, make_prompts, model_folder):
    start(tmp_path, make_prompts, model_folder)
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}
