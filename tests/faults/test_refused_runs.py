"""What a run cannot begin or go on with is said in one line, before weights are loaded."""

import os
import signal
import sys
from pathlib import Path

import pytest
from fault_runs import Run, before_step, fit, refusal

from limr.training import PPOModule

pytestmark = pytest.mark.integration


def without_weights() -> None:
    """Loading weights ends the process."""
    PPOModule.configure_model = lambda self: sys.exit(99)


def test_a_folder_that_cannot_be_written_is_refused_before_weights_are_loaded(folder):
    args = fit(folder)
    (folder / "file").touch()
    below = Path("file/run")
    line = refusal(Run(folder, [*args, f"--trainer.default_root_dir={below}"], without_weights))
    assert line == f"error: cannot write {below}/.lock: Not a directory"


def killed() -> None:
    """The sixth step, one after a checkpoint, ends the process."""
    before_step(6, lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_a_truncated_trajectory_file_is_named_to_the_run_that_goes_on(folder):
    args = fit(folder, "--ckpt_path=last")
    assert Run(folder, args, killed).wait()[0] == -signal.SIGKILL
    path = folder / "run/trajectories/step-00000001-rank-00000.parquet"
    os.truncate(path, 100)
    line = refusal(Run(folder, args))
    assert f"{path} is damaged or cannot be read" in line
    assert line.endswith("remove it to read the rest")
