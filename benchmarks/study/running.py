"""Runs jobs, several at a time, and remembers what is done."""

import json
import multiprocessing
import os
import runpy
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from benchmarks.study.plan import Job
from limr.files import whole_file

_POLL_S = 0.2
_IMPORTED = [
    *("limr.cli", "limr.data", "limr.training", "limr.tracking"),
    *("limr.verbs.select", "limr.verbs.compare"),
]
"""Once for all jobs, by the server that their processes are forked from."""
_STOP_S = 120
"""How long a stopped run may take to save its checkpoint."""


def slug(job: Job) -> str:
    """The job's name as a file's.

    >>> slug(Job(name="train embedded/lim-seed1", kind="train", command=()))
    'train-embedded-lim-seed1'
    """
    return job.name.replace("/", "-").replace(" ", "-")


def marker(root: Path, job: Job) -> Path:
    """The file that says the job is done."""
    return root / "done" / f"{slug(job)}.json"


def is_done(root: Path, job: Job) -> bool:
    """Whether the job came to its end, by the command that it has now.

    Raises:
        ValueError: If another command did it.
    """
    file = marker(root, job)
    if not file.is_file():
        return False
    if json.loads(file.read_text(encoding="utf-8"))["command"] != list(job.command):
        raise ValueError(
            f"{file}: {job.name!r} was done by another command than it has now; remove {root}, or "
            "this file and what the job made"
        )
    return True


def missing(root: Path, jobs: Sequence[Job]) -> list[Job]:
    """The jobs that are still to do, in order."""
    return [job for job in jobs if not is_done(root, job)]


def estimate(jobs: Sequence[Job], cpu_seconds: Mapping[str, float], workers: int) -> str:
    """How many jobs of each kind, and how long they will take on idle cores."""
    counts = {kind: sum(job.kind == kind for job in jobs) for kind in cpu_seconds}
    minutes = sum(cpu_seconds[kind] * count for kind, count in counts.items()) / workers / 60
    parts = ", ".join(f"{count} x {kind}" for kind, count in counts.items() if count)
    return f"{parts or 'nothing'} to do: about {minutes:.0f} minutes by {workers} idle core(s)"


def forked(command: Sequence[str], log: Path) -> BaseProcess:
    """Start `python -m` with this module and these arguments, its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    process = context.Process(target=_as_main, args=(tuple(command), log))
    process.start()
    return process


def _as_main(command: Sequence[str], log: Path) -> None:
    """In a session of its own: a terminal's Ctrl-C is for the pool, which tells its runs."""
    os.setsid()
    with log.open("wb") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    sys.argv[1:] = command[1:]
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


def say(text: str) -> None:
    """Print at once, also into a file."""
    sys.stdout.write(text)
    sys.stdout.flush()


@dataclass
class Pool:
    """Processes that work a list of jobs off."""

    root: Path
    workers: int
    tell: Callable[[str], object] = say
    running: dict[str, tuple[Job, BaseProcess, float]] = field(default_factory=dict)
    failed: list[Job] = field(default_factory=list)
    stopping: bool = False

    def run(self, jobs: Sequence[Job]) -> list[Job]:
        """Run every job that is not done, each when those that it needs are.

        What needs a failed job is left out; the others go on. On SIGINT and SIGTERM runs are told
        to save and stop.

        Returns:
            The jobs that failed; their output is in the folder `logs`.

        Raises:
            KeyboardInterrupt: After such a signal, when all have stopped.
        """
        signals = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._ask_to_stop) for number in signals]
        try:
            self._work_off(jobs)
        finally:
            self._stop()
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)
        if self.stopping:
            raise KeyboardInterrupt
        return self.failed

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        """An exception here could come between a process's start and its entry in `running`."""
        self.stopping = True

    def _work_off(self, jobs: Sequence[Job]) -> None:
        waiting = missing(self.root, jobs)
        open_names = {job.name for job in waiting}
        done = len(jobs) - len(waiting)
        while (waiting or self.running) and not self.stopping:
            ready = (job for job in waiting if not open_names.intersection(job.needs))
            while len(self.running) < self.workers and (job := next(ready, None)):
                self._start(job)
            waiting = [job for job in waiting if job.name not in self.running]
            if not self.running:
                break  # all that waits needs something that failed
            for job in self._ended():
                open_names.discard(job.name)
                done += 1
                self.tell(f"{done}/{len(jobs)}  {job.name}\n")
            time.sleep(_POLL_S)

    def _start(self, job: Job) -> None:
        for leftover in job.fresh:
            shutil.rmtree(leftover, ignore_errors=True)
        log = self.root / "logs" / f"{slug(job)}.txt"
        process = forked(job.command, log)
        self.running[job.name] = (job, process, time.monotonic())

    def _ended(self) -> list[Job]:
        """The jobs that came to their end just now; those that failed are set aside."""
        succeeded = []
        for name, (job, process, started) in list(self.running.items()):
            status = process.exitcode
            if status is None:
                continue
            del self.running[name]
            if status:
                self.failed.append(job)
                log = self.root / "logs" / f"{slug(job)}.txt"
                self.tell(f"failed ({status})  {job.name}: see {log}\n")
                continue
            facts = {"command": job.command, "seconds": round(time.monotonic() - started, 1)}
            with whole_file(marker(self.root, job)) as file:
                file.write(json.dumps(facts) + "\n")
            succeeded.append(job)
        return succeeded

    def _stop(self) -> None:
        for _job, process, _ in self.running.values():
            process.terminate()
        for _job, process, _ in self.running.values():
            process.join(_STOP_S)
            if process.exitcode is None:
                process.kill()
        self.running.clear()
