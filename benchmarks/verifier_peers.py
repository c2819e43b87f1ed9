"""The graders that are compared, each in a process of its own that can be killed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Literal

from limr.verifier import GRADING_ONLY, VerifierPool, extract_boxed, verify
from limr.verifier.original import original_equivalent

Grade = Callable[[str, str], bool]
"""Whether a response is right, given the gold answer."""
Status = Literal["accepted", "rejected", "raised", "killed", "died", "executed"]

LIMIT_S = 2.0
"""What a hostile answer may take, and the limit of the pool."""
MEMORY_BYTES = 4 * 2**30
START_S = 120.0
WARM_UP = ((r"\boxed{\frac{x+1}{2}}", r"\frac{x}{2}+\frac12"), (r"\boxed{(1,\sqrt2]}", "(1,2)"))


def _limr() -> Grade:
    return lambda response, gold: verify(response, gold, checks=GRADING_ONLY).status == "correct"


def _limr_pool() -> Grade:
    pool = VerifierPool(workers=1, timeout_s=LIMIT_S, checks=GRADING_ONLY)
    return lambda response, gold: pool.map([(response, gold)])[0].status == "correct"


def _math_verify() -> Grade:
    """As its readme shows: defaults, the gold between dollar signs, the whole response."""
    import math_verify

    return lambda response, gold: bool(
        math_verify.verify(math_verify.parse(f"${gold}$"), math_verify.parse(response))
    )


def _original() -> Grade:
    def grade(response: str, gold: str) -> bool:
        answer = extract_boxed(response)
        return answer is not None and original_equivalent(answer, gold)

    return grade


PEERS = {
    "limr": _limr,
    "limr-pool": _limr_pool,
    "math-verify": _math_verify,
    "original": _original,
}


def serve(peer: str, connection: Connection, folder: str) -> None:
    """Grade what comes over the connection, in an empty folder, until the other end hangs up."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable(logging.CRITICAL)
    os.chdir(folder)
    grade = PEERS[peer]()
    for response, gold in WARM_UP:
        grade(response, gold)
    connection.send("ready")
    while True:
        try:
            response, gold = connection.recv()
        except EOFError:
            return
        start = time.perf_counter()
        try:
            status: Status = "accepted" if grade(response, gold) else "rejected"
        except BaseException:  # math-verify's own timeout is no Exception
            status = "raised"
        connection.send((status, time.perf_counter() - start))


class PeerProcess:
    """One peer in a process of its own, replaced when it overruns or dies."""

    def __init__(self, name: str, folder: str, deadline_s: float) -> None:
        self.name, self.folder, self.deadline_s = name, folder, deadline_s
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=serve, args=(self.name, theirs, self.folder), daemon=True
        )
        self.process.start()
        theirs.close()
        try:
            ready = self.connection.poll(START_S) and self.connection.recv()
        except EOFError:
            ready = False
        if not ready:
            self.stop()
            raise RuntimeError(f"the peer {self.name} did not start")

    def grade(self, response: str, gold: str) -> tuple[Status, float]:
        """What came of it, and the seconds it took."""
        start = time.monotonic()
        try:
            self.connection.send((response, gold))
            if self.connection.poll(self.deadline_s):
                answered: tuple[Status, float] = self.connection.recv()
                return answered
            status: Status = "killed"
        except (EOFError, OSError):
            status = "died"
        seconds = time.monotonic() - start
        self.stop()
        self._start()
        return status, seconds

    def stop(self) -> None:
        """Kill and reap."""
        self.connection.close()
        self.process.kill()
        self.process.join()
