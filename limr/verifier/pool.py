"""Grading in worker processes that can be killed: a hostile answer costs its own time limit."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any

from limr.types import Status, Verdict
from limr.verifier.checks import Checks
from limr.verifier.equivalence import equivalent
from limr.verifier.grading import Kind, Scores, open_answer, open_response, verdict
from limr.verifier.plain import quick_equivalent
from limr.verifier.rules import Rules
from limr.verifier.worker import STARTING, Settings, Worker

RETRY_S = 0.02
"""How often a call that could use more workers looks for one that another call has freed."""


class VerifierPool:
    """Grades pairs in persistent worker processes, each answer under a hard time limit.

    Workers start when first needed, are fresh interpreters (no fork, nothing of the parent's
    ``__main__``), and are killed and replaced when an answer overruns. Malformed responses and
    answers that are plain numbers or identical texts are decided in the calling thread.

    May be used from any thread (``await asyncio.to_thread(pool.map, pairs)``): calls share the
    workers answer by answer. A copy, an unpickled pool and a forked child's have workers of their
    own. Needs a POSIX system.
    """

    def __init__(
        self,
        workers: int = 1,
        timeout_s: float = 2.0,
        *,
        scores: Scores | None = None,
        checks: Checks | None = None,
        rules: Rules | None = None,
        memory_limit_mb: int | None = 1024,
        compare: Callable[[str, str], bool] | None = None,
    ) -> None:
        """Set up without starting anything.

        Args:
            workers: Processes that grade side by side.
            timeout_s: Seconds for one answer, counted from when a worker picks it up.
            scores: The score of each status; None is the paper's.
            checks: The malformed checks; None is the paper's.
            rules: What counts as the same answer where graders disagree; None is the defaults.
            memory_limit_mb: Megabytes of address space for each worker, of which starting takes
                about 30; None is no limit. A warning says where the system cannot limit it.
            compare: Whether (answer, gold) are the same, a function that a worker can import; None
                is `equivalent` under the rules.

        Raises:
            ValueError: If ``workers``, ``timeout_s`` or ``memory_limit_mb`` is not positive.
        """
        if workers < 1:
            raise ValueError(f"workers must be >= 1, got {workers}")
        if not timeout_s > 0:
            raise ValueError(f"timeout_s must be > 0, got {timeout_s}")
        if memory_limit_mb is not None and memory_limit_mb < 1:
            raise ValueError(f"memory_limit_mb must be >= 1 or None, got {memory_limit_mb}")
        self.workers, self.timeout_s, self.memory_limit_mb = workers, timeout_s, memory_limit_mb
        self.scores, self.checks = scores or Scores(), checks or Checks()
        self.rules, self.compare = rules or Rules(), compare
        settings = Settings(
            compare or partial(equivalent, rules=self.rules), timeout_s, memory_limit_mb
        )
        self._workers = [Worker(settings) for _ in range(workers)]
        self._unlock()
        _pools.add(self)
        weakref.finalize(self, _stop_all, self._workers)

    def _unlock(self) -> None:
        """No call is under way: at the start, and in a forked child."""
        self._freed = threading.Condition()
        self._line: deque[object] = deque()

    def __reduce__(self) -> tuple[Any, ...]:
        twin = partial(
            VerifierPool,
            self.workers,
            self.timeout_s,
            scores=self.scores,
            checks=self.checks,
            rules=self.rules,
            memory_limit_mb=self.memory_limit_mb,
            compare=self.compare,
        )
        return twin, ()

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
        """Stop all workers, once calls in other threads are done; a later call starts new ones."""
        with self._turn(lambda: len(self._idle()) == self.workers):
            _stop_all(self._workers)

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
                results[index] = verdict("correct" if quick else "wrong", self.scores, opened)
        self._run(jobs, results)
        return [results[index] for index in range(len(pairs))]

    def _run(self, jobs: deque[tuple[int, str, str]], results: dict[int, Verdict]) -> None:
        """Keep as many workers busy as this call can get, until all jobs have a verdict."""
        call = object()
        try:
            while True:
                while jobs and (worker := self._take(call)):
                    worker.give(jobs.popleft())
                held = self._held(call)
                if not held:
                    return
                pause = max(0.0, min(worker.deadline for worker in held) - time.monotonic())
                if jobs and len(held) < self.workers:
                    pause = min(pause, RETRY_S)
                heard = wait([worker.connection for worker in held], pause)
                for worker in held:
                    if worker.connection in heard:
                        self._settle(worker, worker.hear(), results)
                    elif time.monotonic() >= worker.deadline:
                        self._settle(worker, worker.overrun(), results)
        finally:  # nothing is held, unless something was raised
            for worker in self._held(call):
                worker.stop()
                self._free(worker)

    def _settle(
        self, worker: Worker, outcome: tuple[Status, str] | None, results: dict[int, Verdict]
    ) -> None:
        """Note the verdict of a worker's job, if it has come, and free the worker."""
        if outcome is not None:
            index, answer, _ = worker.job
            status, reason = outcome
            results[index] = verdict(status, self.scores, answer, reason)
            self._free(worker)

    def _held(self, call: object) -> list[Worker]:
        return [worker for worker in self._workers if worker.holder is call]

    def _idle(self) -> list[Worker]:
        return self._held(None)

    def _take(self, call: object) -> Worker | None:
        """A free worker. A call that has one already goes on with it rather than wait in line."""
        with self._freed:
            if self._held(call) and (self._line or not self._idle()):
                return None
            with self._turn(lambda: bool(self._idle())):
                worker = max(self._idle(), key=lambda worker: worker.ready)
                worker.holder = call
                return worker

    def _free(self, worker: Worker) -> None:
        with self._freed:
            worker.holder = None
            self._freed.notify_all()

    @contextmanager
    def _turn(self, possible: Callable[[], bool]) -> Iterator[None]:
        """Hold the lock when all who came before have had their turn and it is ``possible``."""
        ticket = object()
        with self._freed:
            self._line.append(ticket)
            try:
                self._freed.wait_for(lambda: self._line[0] is ticket and possible())
                yield
            finally:
                self._line.remove(ticket)
                self._freed.notify_all()


_pools: weakref.WeakSet[VerifierPool] = weakref.WeakSet()


def _stop_all(workers: list[Worker]) -> None:
    for worker in workers:
        worker.stop()


def _start_afresh() -> None:
    """In a forked child: its threads and its workers are not the parent's."""
    STARTING.release()
    for pool in _pools:
        for worker in pool._workers:
            worker.forget()
        pool._unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=STARTING.acquire,
        after_in_parent=STARTING.release,
        after_in_child=_start_afresh,
    )
