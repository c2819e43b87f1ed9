"""The quickstart with resampling, cut down in size: killed and resumed it chooses the same."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from limr.__main__ import main
from limr.trajectories import read_trajectories

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
RUN = Path("runs/quickstart")
PROBLEMS, EPOCHS = 32, 4

SMALL = {
    "model": {
        "init_args": {
            "sampling": {"samples_per_prompt": 4},
            "ppo": {"minibatch_size": 16, "micro_batch_size": 16},
        }
    },
    "data": {
        "init_args": {
            "problems": {"init_args": {"size": PROBLEMS}},
            "benchmarks": None,
            "rollout_batch_size": 8,
        }
    },
    "trainer": {
        "max_epochs": EPOCHS,  # of 4 rollouts, later 2: 8 selected, 2 explored, 6 more to fill
        "limit_val_batches": 0,
        "num_sanity_val_steps": 0,
        "callbacks": [
            {"class_path": "limr.training.PPOProgress"},
            {"class_path": "limr.training.TrajectoryRecorder"},
            {
                "class_path": "limr.training.RunCheckpoint",
                "init_args": {"every_n_steps": 1},
            },
        ],
    },
}


def arguments(folder):
    folder.mkdir(exist_ok=True)
    (folder / "small.yaml").write_text(json.dumps(SMALL))
    files = (EXPERIMENTS / "quickstart.yaml", EXPERIMENTS / "overlay/resampling.yaml", "small.yaml")
    # MLflow keeps one store per address: a relative one is the first run's for the whole process
    store = f"--trainer.logger.init_args.tracking_uri=sqlite:///{folder}/mlflow.db"
    return ["fit", *(arg for path in files for arg in ("-c", str(path))), store]


def fit(folder, *flags):
    args = arguments(folder)
    with contextlib.chdir(folder):
        assert main([*args, *flags]) == 0


def begin(folder):
    """`limr fit` in a process that can be killed."""
    args = arguments(folder)
    with (folder / "out.txt").open("w") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "limr", *args],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def kill_after(process, folder, epoch):
    """SIGKILL once the epoch's problems were chosen and its first rollout was recorded."""
    chosen = folder / RUN / f"selections/epoch-{epoch:04}.json"
    while process.poll() is None:
        if chosen.exists() and newest(folder / RUN / "trajectories") > chosen.stat().st_mtime:
            process.kill()
        time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL, (folder / "out.txt").read_text()


def newest(folder):
    return max((path.stat().st_mtime for path in folder.glob("step-*.parquet")), default=0)


def choices(folder):
    files = sorted((folder / RUN / "selections").iterdir())
    return [json.loads(path.read_text()) for path in files]


def rows(folder):
    columns = ["epoch", "step", "problem_id", "sample", "score", "response"]
    return read_trajectories(folder / RUN / "trajectories", columns).to_pylist()


def test_a_killed_and_resumed_run_picks_the_same_problems(tmp_path, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # restored afterwards: the runs set it
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    kill_after(begin(killed), killed, epoch=2)
    fit(whole)
    fit(killed, "--ckpt_path=last")
    found = choices(whole)
    assert [choice["epoch"] for choice in found] == [1, 2, 3]
    assert all(len(choice["selected"]) == len(choice["explored"]) == 8 for choice in found)
    assert choices(killed) == found
    assert rows(killed) == rows(whole)
    assert len(rows(whole)) == 4 * (PROBLEMS + 3 * 16)
