"""Grading in worker processes that can be killed: a hostile answer costs its own time limit."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from types import TracebackType
from typing import Any

from limr.types import Verdict
from limr.verifier.checks import Checks
from limr.verifier.equivalence import equivalent
from limr.verifier.grading import Kind, Scores, open_answer, open_response, verdict
from limr.verifier.plain import quick_equivalent
from limr.verifier.rules import Rules

START_TIMEOUT_S = 60.0
"""How long a fresh worker may take to import the verifier before that is an error."""

_ROOT = str(Path(__file__).resolve().parents[2])
_COMMAND = "from limr.verifier.worker import main; main()"


class VerifierPool:
    """Grades pairs in persistent worker processes, each answer under a hard time limit.

    Workers start when first needed, are fresh interpreters (no fork, nothing of the parent's
    ``__main__``), and are killed and replaced when an answer overruns. Malformed responses and
    answers that are plain numbers or identical texts are decided in the calling thread. May be used
    from any thread; calls take turns. A copy or an unpickled pool has workers of its own.
    """

    def __init__(
        self,
        workers: int = 1,
        timeout_s: float = 2.0,
        *,
        scores: Scores | None = None,
        checks: Checks | None = None,
        rules: Rules | None = None,
        compare: Callable[[str, str], bool] | None = None,
    ) -> None:
        """Set up without starting anything.

        Args:
            workers: Processes that grade side by side.
            timeout_s: Seconds for one answer, counted from when a worker picks it up.
            scores: The score of each status; None is the paper's.
            checks: The malformed checks; None is the paper's.
            rules: What counts as the same answer where graders disagree; None is the defaults.
            compare: Whether (answer, gold) are the same, a function that a worker can import; None
                is `equivalent` under the rules.

        Raises:
            ValueError: If ``workers`` or ``timeout_s`` is not positive.
        """
        if workers < 1:
            raise ValueError(f"workers must be >= 1, got {workers}")
        if not timeout_s > 0:
            raise ValueError(f"timeout_s must be > 0, got {timeout_s}")
        self.workers, self.timeout_s = workers, timeout_s
        self.scores, self.checks = scores or Scores(), checks or Checks()
        self.rules = rules or Rules()
        self.compare = compare
        self._lock = threading.Lock()
        self._processes: list[_Worker] = []
        self._finalizer = weakref.finalize(self, _stop_all, self._processes, os.getpid())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (
            self.workers,
            self.timeout_s,
            self.scores,
            self.checks,
            self.rules,
            self.compare,
        )

    def __enter__(self) -> VerifierPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop all workers; a later call starts new ones."""
        with self._lock:
            _stop_all(self._processes, os.getpid())

    def map(
        self,
        pairs: Sequence[tuple[str, str]],
        truncated: Sequence[bool] | None = None,
        kinds: Sequence[Kind] | None = None,
    ) -> list[Verdict]:
        """One verdict per (text, gold), in order.

        Args:
            pairs: Texts with their gold answers.
            truncated: Which responses were cut at the length limit; None is none of them.
            kinds: Which texts are whole responses and which are bare answers, to which no check
                applies; None takes all for responses.

        Raises:
            ValueError: If ``truncated`` or ``kinds`` differs in length from ``pairs``.
            RuntimeError: If a worker does not start.
        """
        flags = [False] * len(pairs) if truncated is None else list(truncated)
        if len(flags) != len(pairs):
            raise ValueError(f"got {len(pairs)} pairs but {len(flags)} truncated flags")
        kinds = ["response"] * len(pairs) if kinds is None else kinds
        if len(kinds) != len(pairs):
            raise ValueError(f"got {len(pairs)} pairs but {len(kinds)} kinds")
        results: dict[int, Verdict] = {}
        jobs: deque[tuple[int, str, str]] = deque()
        rows = zip(pairs, flags, kinds, strict=True)
        for index, ((text, gold), flag, kind) in enumerate(rows):
            if kind == "answer":
                opened = open_answer(text, gold, self.scores)
            else:
                opened = open_response(text, gold, flag, self.scores, self.checks)
            if isinstance(opened, Verdict):
                results[index] = opened
                continue
            quick = None if self.compare else quick_equivalent(opened, gold, self.rules)
            if quick is None:
                jobs.append((index, opened, gold))
            else:
                results[index] = self._judge(opened, quick)
        if jobs:
            with self._lock:
                self._run(jobs, results)
        return [results[index] for index in range(len(pairs))]

    def _judge(self, answer: str, same: bool | str) -> Verdict:
        if isinstance(same, str):
            return verdict("error", self.scores, answer, same)
        return verdict("correct" if same else "wrong", self.scores, answer)

    def _comparison(self) -> Callable[[str, str], bool]:
        return self.compare or partial(equivalent, rules=self.rules)

    def _run(self, jobs: deque[tuple[int, str, str]], results: dict[int, Verdict]) -> None:
        """Keep every worker busy until all jobs have a verdict."""
        try:
            self._processes[:] = [w for w in self._processes if w.process.poll() is None]
            while len(self._processes) < min(self.workers, len(jobs)):
                self._processes.append(_Worker(self._comparison()))
            while jobs or any(worker.job for worker in self._processes):
                for worker in self._processes:
                    if jobs and worker.ready and worker.job is None:
                        worker.give(jobs.popleft(), self.timeout_s)
                now = time.monotonic()
                soonest = min(worker.deadline for worker in self._processes if worker.waited_for)
                connections = [w.connection for w in self._processes if w.waited_for]
                heard = wait(connections, max(0.0, soonest - now))
                for place, worker in enumerate(self._processes):
                    if worker.connection in heard:
                        self._hear(place, worker, results)
                    elif worker.waited_for and time.monotonic() >= worker.deadline:
                        self._overrun(place, worker, results)
        except BaseException:
            _stop_all(self._processes, os.getpid())
            raise

    def _hear(self, place: int, worker: _Worker, results: dict[int, Verdict]) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            if worker.job is None:
                raise RuntimeError(
                    "a verifier worker died while starting: is limr importable by "
                    f"{sys.executable}? (exit status {worker.stop()})"
                ) from None
            index, answer, _ = worker.job
            reason = f"the worker died (exit status {worker.stop()})"
            results[index] = verdict("error", self.scores, answer, reason)
            self._processes[place] = _Worker(self._comparison())
            return
        if not worker.ready:
            worker.ready = True
        elif worker.job is not None:
            index, answer, _ = worker.job
            worker.job = None
            results[index] = self._judge(answer, message)

    def _overrun(self, place: int, worker: _Worker, results: dict[int, Verdict]) -> None:
        worker.stop()
        if worker.job is None:
            raise RuntimeError(f"a verifier worker did not start in {START_TIMEOUT_S:g} s")
        index, answer, _ = worker.job
        reason = f"grading took over {self.timeout_s:g} s"
        results[index] = verdict("timeout", self.scores, answer, reason)
        self._processes[place] = _Worker(self._comparison())


class _Worker:
    """One interpreter that answers (answer, gold) with True, False or the text of an error."""

    def __init__(self, compare: Callable[[str, str], bool]) -> None:
        self.connection, theirs = Pipe()
        environment = dict(os.environ)
        known = environment.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (_ROOT, known)))
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        finally:
            theirs.close()
        with suppress(OSError):  # as in give
            self.connection.send(compare)
        self.ready = False
        self.job: tuple[int, str, str] | None = None
        self.deadline = time.monotonic() + START_TIMEOUT_S

    @property
    def waited_for(self) -> bool:
        """Whether a message is due: it starts, or it has a job."""
        return not self.ready or self.job is not None

    def give(self, job: tuple[int, str, str], timeout_s: float) -> None:
        """Hand over a job; an idle worker picks it up at once, so its time starts here."""
        self.job = job
        self.deadline = time.monotonic() + timeout_s
        with suppress(OSError):  # a worker that died is heard of as the end of its connection
            self.connection.send(job[1:])

    def stop(self) -> int:
        """Kill and reap; the exit status."""
        self.connection.close()
        self.process.kill()
        return self.process.wait()


def _stop_all(processes: list[_Worker], owner: int) -> None:
    """Stop every worker, unless this is a forked copy of the process that owns them."""
    while processes:
        worker = processes.pop()
        if os.getpid() == owner:
            worker.stop()


def _rebuild(
    workers: int,
    timeout_s: float,
    scores: Scores,
    checks: Checks,
    rules: Rules,
    compare: Callable[[str, str], bool] | None,
) -> VerifierPool:
    return VerifierPool(
        workers, timeout_s, scores=scores, checks=checks, rules=rules, compare=compare
    )
