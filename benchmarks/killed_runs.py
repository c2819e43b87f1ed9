"""Runs of `limr` that are killed on the way: started by fork, so that each costs no imports.

The parent process imports everything once and does nothing else; a run is a forked child (or two,
with the environment that torchrun would give them) in a process group of its own. What kills a run
is patched into the child alone.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from limr import __main__
from limr.generation import TransformersEngine
from limr.tracking import RunLogger
from limr.training import PPOModule, checkpoint
from limr.training.checkpoint import DirectCheckpointIO
from limr.trajectories.store import StepFiles
from limr.verifier import RuleReward

STAGES: dict[str, tuple[Any, str]] = {
    "rollout": (TransformersEngine, "generate"),
    "scoring": (RuleReward, "grade"),
    "update": (PPOModule, "optimizer_step_on"),
    "checkpoint write": (DirectCheckpointIO, "save_checkpoint"),
    "checkpoint naming": (checkpoint, "publish"),
    "store write": (StepFiles, "write"),
    "MLflow write": (RunLogger, "log_metrics"),
}
"""Where a run is killed: the function that does this part of the work."""

_TIMER_S = 0.001
"""Sooner than this no timer strikes: such a kill comes as the call begins."""

RANK_ZERO_STAGES = ("checkpoint write", "checkpoint naming", "MLflow write")


@dataclass(frozen=True, kw_only=True)
class Kill:
    """SIGKILL to a rank, `delay_s` seconds after it has entered a stage for the `nth` time."""

    stage: str
    nth: int
    delay_s: float
    rank: int = 0


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended: its process's exit status, negative for a signal, and its wall time."""

    status: int
    seconds: float
    killed_in: str | None
    """The stage at work when the kill struck, `between stages` where none was; None: no kill."""


def start(folder: Path, args: list[str], *, ranks: int = 1, kill: Kill | None = None) -> Ended:
    """Run `limr` with `args` in `folder`, to its end or its kill.

    Raises:
        TimeoutError: If it takes longer than ten minutes.
    """
    port, begun = _free_port(), time.monotonic()
    struck = folder / "struck.json"
    struck.unlink(missing_ok=True)
    group, children = 0, set()
    for rank in range(ranks):
        if (child := os.fork()) == 0:
            _be_run(folder, args, rank, ranks, port, kill)
        group = group or child
        os.setpgid(child, group)
        children.add(child)
    statuses: list[int] = []
    while children:
        done, status = os.waitpid(-group, os.WNOHANG)
        if done:
            children.discard(done)
            statuses.append(os.waitstatus_to_exitcode(status))
            if statuses[-1]:
                _signal(group)  # as a launcher does: no rank outlives another's failure
        elif time.monotonic() - begun > 600:
            _signal(group)
            raise TimeoutError(f"limr {' '.join(args)} in {folder} takes more than ten minutes")
        else:
            time.sleep(0.02)
    _signal(group)  # worker processes
    found = json.loads(struck.read_text()) if struck.exists() else None
    seconds = time.monotonic() - begun
    return Ended(status=statuses[0], seconds=seconds, killed_in=found)


def _signal(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _be_run(
    folder: Path, args: list[str], rank: int, ranks: int, port: int, kill: Kill | None
) -> None:
    status = 70
    try:
        if rank == 0:
            os.setpgid(0, 0)
        os.chdir(folder)
        output = os.open(f"out-{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if ranks > 1:
            world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": ranks}
            world |= {"RANK": rank, "LOCAL_RANK": rank, "NODE_RANK": 0, "GROUP_RANK": 0}
            os.environ.update({name: str(value) for name, value in world.items()})
        watch(folder / f"times-{rank}.json", kill if kill and kill.rank == rank else None)
        sys.argv = ["limr", *args]
        status = __main__.main(args)
    except SystemExit as exit:
        status = exit.code if isinstance(exit.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def watch(times: Path, kill: Kill | None) -> None:
    """Wrap each stage's function: note how long each call took and, one time, kill this process."""
    inside: list[str] = []
    taken: dict[str, list[float]] = {stage: [] for stage in STAGES}
    entered = dict.fromkeys(STAGES, 0)

    def strike() -> None:
        where = inside[-1] if inside else "between stages"
        (times.parent / "struck.json").write_text(json.dumps(where))
        os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            entered[stage] += 1
            inside.append(stage)
            if kill and kill.stage == stage and kill.nth == entered[stage]:
                if kill.delay_s < _TIMER_S:
                    strike()
                threading.Timer(kill.delay_s, strike).start()
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                inside.pop()
                taken[stage].append(time.perf_counter() - begun)
                if kill is None:
                    times.write_text(json.dumps(taken))

        return call

    for stage, (owner, name) in STAGES.items():
        setattr(owner, name, wrapped(stage, getattr(owner, name)))
