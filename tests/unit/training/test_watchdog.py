"""A hang ends the process with a message and every thread's stack."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from limr.training.watchdog import EXIT_STATUS, Watchdog

TOY = """
import sys, time, warnings
warnings.simplefilter("ignore")
from lightning.pytorch import Trainer
from tracking_toys import ToyData, ToyModule
from limr.training import Watchdog

class Engine(ToyModule):
    def training_step(self, batch, batch_idx):
        if batch_idx == 2 and self.global_rank == int(sys.argv[3]):
            self.generate()
        return super().training_step(batch, batch_idx)

    def generate(self):
        time.sleep(3600)

Trainer(
    accelerator="cpu", devices=int(sys.argv[2]), strategy="ddp" if sys.argv[2] > "1" else "auto",
    logger=False, enable_checkpointing=False, enable_progress_bar=False,
    default_root_dir=sys.argv[1], callbacks=[Watchdog(timeout_minutes=6 / 60)], max_epochs=1,
).fit(Engine(), ToyData())
"""


def run_toy(folder, devices, hung_rank):
    script = folder / "toy.py"
    script.write_text(TOY)
    root = Path(__file__).parents[3]
    paths = os.pathsep.join([str(root), str(root / "tests/unit/tracking")])
    return subprocess.run(
        [sys.executable, str(script), str(folder), str(devices), str(hung_rank)],
        env={**os.environ, "PYTHONPATH": paths, "MASTER_ADDR": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_hung_engine_ends_the_run_and_names_itself(tmp_path):
    done = run_toy(tmp_path, 1, 0)
    assert done.returncode == EXIT_STATUS == 70
    assert "error: rank 0 hung in training step 2: nothing began or ended for 6 s" in done.stderr
    stacks = (tmp_path / "hung-rank-00000.txt").read_text()
    assert "in generate" in stacks
    assert "in generate" in done.stderr


@pytest.mark.integration
def test_a_rank_that_sleeps_forever_takes_the_others_with_it(tmp_path):
    done = run_toy(tmp_path, 2, 1)
    assert done.returncode != 0
    assert "hung in training step 2" in done.stderr
    assert any("hung in training step 2" in p.read_text() for p in tmp_path.glob("hung-rank-*"))


def test_a_watchdog_that_was_stopped_bites_nobody(tmp_path):
    class Toy:
        default_root_dir, global_rank = tmp_path, 0

    watchdog = Watchdog(timeout_minutes=0.1 / 60)
    watchdog.setup(Toy, None, "fit")
    watchdog.teardown(Toy, None, "fit")
    time.sleep(0.3)
    assert not list(tmp_path.iterdir())


def test_a_timeout_must_be_positive():
    with pytest.raises(ValueError, match="timeout_minutes must be > 0, got 0"):
        Watchdog(timeout_minutes=0)
