"""A worker process that compares answers: its handle in the parent, and what it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from limr.types import Status

START_TIMEOUT_S = 60.0
"""How long a fresh worker may take to import the verifier before that is an error."""
GRACE_S = 1.0
"""A worker past its time limit by this much ends itself: nobody is left who would kill it."""
EXIT_S = 0.2
"""How long a worker that hung up is given to exit by itself, for its exit status."""
STARTING = threading.RLock()
"""Held while a worker starts. To be held for a fork too: a child would inherit the other end."""

_ROOT = str(Path(__file__).resolve().parents[2])
_COMMAND = "from limr.verifier.worker import main; main()"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker is told when it starts."""

    compare: Callable[[str, str], bool]
    """Whether (answer, gold) are the same."""
    timeout_s: float
    """Seconds for one comparison."""
    memory_limit_mb: int | None
    """Address space of the process; None is no limit."""


class Worker:
    """One interpreter that compares one pair at a time; it starts when a job needs it.

    One that overran, failed or died is stopped, so that its next job gets a fresh process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.connection: Connection
        """Open as long as there is a process; readable where there is something to `hear`."""
        self.ready = False
        """Whether it has started and takes jobs at once."""
        self.holder: object = None
        """Who uses it, None while it is free."""
        self.job: tuple[int, str, str] = (0, "", "")
        """Index, answer and gold given last."""
        self.deadline = 0.0
        """When it must have been heard of, in `time.monotonic` seconds."""
        self._second_try = False

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return None if self._process is None else self._process.pid

    def give(self, job: tuple[int, str, str]) -> None:
        """Hand over a job; its time starts here, or once the process has started."""
        self.job, self._second_try = job, False
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            self._start()
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """An idle worker picks a job up at once."""
        self.deadline = time.monotonic() + self._settings.timeout_s
        with suppress(OSError):  # a worker that died is heard of as the end of its connection
            self.connection.send(self.job[1:])

    def _start(self) -> None:
        environment = dict(os.environ)
        known = environment.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (_ROOT, known)))
        with STARTING:
            self.connection, theirs = Pipe()
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _COMMAND, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    env=environment,
                    start_new_session=True,
                )
            finally:
                theirs.close()
        self.deadline = time.monotonic() + START_TIMEOUT_S
        with suppress(OSError):  # as above
            self.connection.send(self._settings)

    def hear(self) -> tuple[Status, str] | None:
        """Read what has come: the job's status and reason, None where it only starts now.

        A job whose process died (something else may have killed it) is tried a second time.

        Raises:
            RuntimeError: If the process died before it was ready.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return self._died()
        if not self.ready:
            self.ready = True
            if message:
                warnings.warn(
                    f"verifier workers run without memory_limit_mb: {message}",
                    RuntimeWarning,
                    stacklevel=2,
                )
            self._hand_over()
            return None
        if isinstance(message, str):
            self.stop()
            return "error", message
        return ("correct" if message else "wrong"), ""

    def _died(self) -> tuple[Status, str] | None:
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_S)
        was_ready, exit_status = self.ready, self.stop()
        if not was_ready:
            raise RuntimeError(
                "a verifier worker died while starting: is limr importable by "
                f"{sys.executable}? (exit status {exit_status})"
            )
        if exit_status == -signal.SIGALRM:
            return self._timeout()
        if not self._second_try:
            self._second_try = True
            self._start()
            return None
        return "error", f"the worker died (exit status {exit_status})"

    def overrun(self) -> tuple[Status, str]:
        """Give up at the deadline: the job's status and reason.

        Raises:
            RuntimeError: If the process has not started by then.
        """
        was_ready = self.ready
        self.stop()
        if not was_ready:
            raise RuntimeError(f"a verifier worker did not start in {START_TIMEOUT_S:g} s")
        return self._timeout()

    def _timeout(self) -> tuple[Status, str]:
        return "timeout", f"grading took over {self._settings.timeout_s:g} s"

    def stop(self) -> int | None:
        """Kill and reap the process if there is one; its exit status."""
        if self._process is None:
            return None
        process, self._process, self.ready = self._process, None, False
        self.connection.close()
        process.kill()
        return process.wait()

    def forget(self) -> None:
        """In a forked child: let go of the parent's process, which goes on for the parent."""
        if self._process is not None:
            self.connection.close()
            self._process.returncode = 0  # not to be waited for here
        self._process, self.ready, self.holder = None, False, None


def main() -> None:
    """Serve the connection whose descriptor is the first argument, until the other end hangs up.

    The first message is the :class:`Settings`, answered by why memory has no limit (empty when it
    has). Every later one is an (answer, gold) pair, answered by whether they are the same, or by
    the text of an error. The alarm ends the process where the parent did not: it was killed itself.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, START_TIMEOUT_S)
    connection = Connection(int(sys.argv[1]))
    with suppress(EOFError, OSError):
        settings: Settings = connection.recv()
        settings.compare("x^2", "x x")  # loads what is imported late, so that no job pays for it
        connection.send(limit_memory(settings.memory_limit_mb))
        while True:
            signal.setitimer(signal.ITIMER_REAL, 0)
            answer, gold = connection.recv()
            signal.setitimer(signal.ITIMER_REAL, settings.timeout_s + GRACE_S)
            connection.send(_outcome(settings.compare, answer, gold))


def limit_memory(megabytes: int | None) -> str:
    """Bound this process's address space; why that cannot be done, empty when it can."""
    if megabytes is None:
        return ""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = megabytes * 2**20
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ImportError, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _outcome(compare: Callable[[str, str], bool], answer: str, gold: str) -> bool | str:
    """Whether they are the same, or the name and text of what was raised."""
    try:
        return compare(answer, gold)
    except MemoryError:
        return "grading ran out of memory"
    except Exception as error:  # reported to the parent, which turns it into status "error"
        return f"{type(error).__name__}: {error}"
