"""A comparison that misbehaves when told to, and eyes on the processes that run it.

Imports no torch, for the processes that the tests start import this.
"""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from limr.verifier import VerifierPool, equivalent

HARD = (r"\boxed{\sqrt{x}+1}", r"1+\sqrt{x}")
"""Not to be decided without a worker."""


def hostile(answer, gold):
    """What the answer's first word says, else whether answer and gold are the same."""
    match answer.split():
        case ["spin"]:
            while True:
                pass
        case ["spin-in-C"]:  # no other thread of the worker runs, and no Python signal handler
            return bool(re.match("(a|a)*b", "a" * 60))
        case ["nap", seconds]:
            time.sleep(float(seconds))
        case ["eat", megabytes]:
            return len(bytes(int(megabytes) * 2**20)) > 0
        case ["raise"]:
            raise LookupError("not found")
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
    return equivalent(answer, gold)


class Graded:
    """A data set whose items are graded where they are loaded: (status, pid of the worker)."""

    def __init__(self, pool, pairs):
        self.pool, self.pairs = pool, pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return grade_and_tell(self.pool, self.pairs[index])


def grade_and_tell(pool, pair):
    """A pair's status, and the process that graded it."""
    (verdict,) = pool.map([pair])
    (pid,) = pids(pool)
    return verdict.status, pid


def pids(pool):
    return [worker.pid for worker in pool._workers if worker.pid]


def running(pid):
    """Whether a process is there and not just left to be reaped by whoever is its parent now."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def until(happened, within_s=20.0):
    """Wait for it; the test fails where it does not happen."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, f"did not happen in {within_s:g} s"
        time.sleep(0.01)


def grade_into(pool, queue):
    """What a child process runs, in a thread."""
    with ThreadPoolExecutor(1) as threads:
        queue.put(threads.submit(grade_and_tell, pool, HARD).result())


def grade_on_a_rank(rank, folder):
    """What each of two spawned ranks runs: grade, and count over both ranks what is correct."""
    import torch
    import torch.distributed as dist

    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2
    )
    with VerifierPool() as pool:
        verdicts = pool.map([HARD, (r"\boxed{2x}", f"{rank + 2} x")])
        correct = torch.tensor(sum(verdict.score for verdict in verdicts))
        dist.all_reduce(correct)
        Path(f"{folder}/rank{rank}").write_text(f"{correct} {pids(pool)[0]}")
    dist.destroy_process_group()
