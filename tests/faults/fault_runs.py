"""Whole runs of a small quickstart in processes of their own, each with something done to it."""

import json
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path

import torch

from benchmarks.kills import ROOT, generated, overlay
from limr import __main__
from limr.training import PPOModule

TIMEOUT_S = 240
STEPS = 6


class Run:
    """A `limr` command at work in a folder; what it prints is in `out-N.txt` there."""

    def __init__(self, folder: Path, args: list[str], fault: Callable[[], None] | None = None):
        """Start it.

        Args:
            folder: Where it runs.
            args: The command line.
            fault: Called in the new process before the command; a module's function or a partial.
        """
        self._printed = folder / f"out-{len(list(folder.glob('out-*.txt')))}.txt"
        self._printed.touch()
        forkserver = multiprocessing.get_context("forkserver")
        arguments = (folder, self._printed, args, fault)
        self._process = forkserver.Process(target=_be, args=arguments, daemon=True)
        self._process.start()

    def wait(self) -> tuple[int, str]:
        """Exit status, negative for a signal, and what it printed."""
        self._process.join(TIMEOUT_S)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"still running, after printing:\n{self._printed.read_text()}")
        return self._process.exitcode, self._printed.read_text()


def _be(folder: Path, printed: Path, args: list[str], fault: Callable[[], None] | None) -> None:
    os.chdir(folder)
    output = os.open(printed, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    torch.set_num_threads(1)
    if fault:
        fault()
    sys.argv = ["limr", *args]
    sys.exit(__main__.main(args))


def fit(folder: Path, *changes: str) -> list[str]:
    """`limr fit` of two epochs of three steps, with a checkpoint after every other.

    Args:
        folder: Made with an empty MLflow database when absent.
        changes: Further arguments.
    """
    if not folder.exists():
        small = overlay(1)
        data, callbacks = small["data"]["init_args"], small["trainer"]["callbacks"]
        data["problems"] = generated("train", 24)
        callbacks[-1]["init_args"]["every_n_steps"] = 2
        callbacks.insert(0, {"class_path": "limr.training.Preflight"})
        folder.mkdir()
        (folder / "small.yaml").write_text(json.dumps(small))
        shutil.copy(folder.parent / "empty.db", folder / "mlflow.db")
    return ["fit", "-c", str(ROOT / "experiments/quickstart.yaml"), "-c", "small.yaml", *changes]


def before_step(number: int, act: Callable[[], object]) -> None:
    """Have this process do something as its training step `number`, from 1, begins."""
    begun, step = [], PPOModule.training_step

    @wraps(step)
    def training_step(*args, **kwargs):
        begun.append(None)
        if len(begun) == number:
            act()
        return step(*args, **kwargs)

    PPOModule.training_step = training_step


def pause(*steps: int) -> None:
    """As each of these steps begins, write the file `paused-STEP` and wait for `go-on-STEP`."""
    for step in steps:
        before_step(step, partial(_wait_in_the_folder, step))


def _wait_in_the_folder(step: int) -> None:
    Path(f"paused-{step}").touch()
    appears(Path(f"go-on-{step}"))


def appears(path: Path) -> None:
    """Wait for a file."""
    deadline = time.monotonic() + TIMEOUT_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} does not appear")
        time.sleep(0.02)


def refusal(run: Run) -> str:
    """The one line with which a run ends that limr refuses."""
    status, printed = run.wait()
    assert status == 1, printed
    assert "Traceback" not in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("error: "))
    return line
