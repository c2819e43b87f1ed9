"""Two real runs to look at: on all problems, and on the quarter of them that LIM chose."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "experiments" / "quickstart.yaml"
EXPERIMENT = "quickstart"
COLORS = {"full": "#1f77b4", "lim": "#d95f02"}
"""MLflow draws a run in the colour of this tag, else in one that it picks by the run's id."""


class Size(NamedTuple):
    """How much is trained: `full` visits `problems` in each of `epochs`, `lim` steps as often."""

    problems: int
    epochs: int
    batch: int
    samples: int
    questions: tuple[int, int]
    every: int
    """Steps from one validation to the next."""


SHORT = Size(problems=32, epochs=2, batch=8, samples=4, questions=(12, 12), every=4)
WHOLE = Size(problems=384, epochs=3, batch=32, samples=8, questions=(400, 300), every=4)
"""The quickstart as it stands."""

SHARE = 4
"""One problem in so many is selected."""


class Study(NamedTuple):
    """Where the two runs are."""

    folder: Path
    """Holds mlflow.db, runs/full, runs/lim, and what LIM selected: lim.jsonl, lim_report."""

    url: str
    """The MLflow server's."""


def fit_on_all(folder: Path, size: Size) -> None:
    """`limr fit` on all problems, into `folder`/mlflow.db and `folder`/runs/full."""
    _fit(folder, size, "full", size.epochs)


def fit_on_selected(folder: Path, size: Size) -> None:
    """`limr select` from that run's trajectories, and `limr fit` on what it chose."""
    limr(
        folder, "select", "--trajectories=runs/full/trajectories", f"--fraction={1 / SHARE}",
        "--output=lim.jsonl", f"--experiment={EXPERIMENT}",
    )  # fmt: skip
    _fit(folder, size, "lim", size.epochs * SHARE, ids_file="lim.jsonl")


def _fit(folder: Path, size: Size, arm: str, epochs: int, **data: str) -> None:
    tags = {"arm": arm, "mlflow.runColor": COLORS[arm]}
    logger = {
        "class_path": "limr.tracking.RunLogger",
        "init_args": {"experiment_name": EXPERIMENT, "run_name": arm, "tags": tags},
    }
    greedy = {"temperature": 0.0, "max_response_tokens": 32}
    benchmarks = {
        split: {"problems": _generated(split, count), "sampling": greedy}
        for split, count in zip(("validation", "unseen"), size.questions, strict=True)
    }
    minibatch = size.batch * size.samples // 2
    settings = {
        "model": {
            "init_args": {
                "sampling": {"samples_per_prompt": size.samples},
                "ppo": {"minibatch_size": minibatch, "micro_batch_size": minibatch},
            }
        },
        "data": {
            "init_args": {
                "problems": _generated("train", size.problems),
                "benchmarks": benchmarks,
                "rollout_batch_size": size.batch,
                **data,
            }
        },
        "trainer": {
            "check_val_every_n_epoch": None,
            "val_check_interval": size.every,
            "default_root_dir": f"runs/{arm}",
            "logger": logger,
            "max_epochs": epochs,
        },
    }
    overlay = folder / f"{arm}.yaml"
    overlay.write_text(json.dumps(settings))
    limr(folder, "fit", "-c", str(QUICKSTART), "-c", overlay.name)


def _generated(split: str, size: int) -> dict[str, Any]:
    arguments = {"split": split, "size": size, "seed": 1}
    return {"class_path": "limr.data.GeneratedProblems", "init_args": arguments}


def limr(folder: Path, *args: str) -> str:
    """What `limr` printed, run in `folder` as by a user."""
    done = subprocess.run(
        [sys.executable, "-m", "limr", *args],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment() -> dict[str, str]:
    """Of a process that runs this very `limr`, in whatever folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
