"""The pool in every kind of process that training and evaluation start, and after their ends."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import pytest
import torch.multiprocessing
from torch.utils.data import DataLoader
from verifier_toys import (
    HARD,
    Graded,
    grade_and_tell,
    grade_into,
    grade_on_a_rank,
    running,
    until,
)

from limr.verifier import VerifierPool
from limr.verifier.worker import GRACE_S, STARTING

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


def grade_in_a_child(method, pool, *, daemon=True):
    """(status, pid of the worker) in a child process, which must come to its end."""
    context = multiprocessing.get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=grade_into, args=(pool, queue), daemon=daemon)
    child.start()
    child.join(30)
    ended = child.exitcode
    child.kill()
    child.join()
    assert ended == 0, "the child hangs or failed"
    return queue.get()


@pytest.mark.parametrize("daemon", [True, False], ids=["daemonic", "not daemonic"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_has_workers_of_its_own(method, daemon):
    with VerifierPool() as pool:
        _, ours = grade_and_tell(pool, HARD)
        status, theirs = grade_in_a_child(method, pool, daemon=daemon)
        assert status == "correct"
        assert theirs != ours
        until(lambda: not running(theirs))
        assert grade_and_tell(pool, HARD) == ("correct", ours)


@pytest.mark.parametrize("held", ["lock", "worker", "start"])
def test_a_child_forked_in_the_middle_of_a_call_grades(held):
    with VerifierPool() as pool:
        _, ours = grade_and_tell(pool, HARD)
        seized, enough = threading.Event(), threading.Event()

        def seize():
            with pool._freed if held == "lock" else STARTING:
                seized.set()
                enough.wait(0.3)

        if held == "worker":
            os.kill(ours, signal.SIGSTOP)
            thread = threading.Thread(target=pool.map, args=([HARD],))
            thread.start()
            until(lambda: pool._workers[0].holder)
        else:
            thread = threading.Thread(target=seize)
            thread.start()
            seized.wait()
        try:
            status, theirs = grade_in_a_child("fork", pool)
        finally:
            enough.set()
            os.kill(ours, signal.SIGCONT)
            thread.join()
        assert status == "correct"
        assert theirs != ours
        assert grade_and_tell(pool, HARD) == ("correct", ours)


def test_tasks_of_an_event_loop_share_a_pool():
    async def grade(pool):
        calls = [asyncio.to_thread(pool.map, [HARD, (r"\boxed{2x}", "3x")]) for _ in range(6)]
        return await asyncio.gather(*calls)

    with VerifierPool(workers=2) as pool:
        results = asyncio.run(grade(pool))
    assert [[v.status for v in verdicts] for verdicts in results] == [["correct", "wrong"]] * 6


@pytest.mark.parametrize(("method", "loaders"), [("fork", 2), ("spawn", 1)])
def test_a_data_loaders_workers_grade(method, loaders):
    with VerifierPool() as pool:
        _, ours = grade_and_tell(pool, HARD)
        pairs = [HARD, (r"\boxed{2x}", "3x")] * 4
        loaded = list(
            DataLoader(
                Graded(pool, pairs),
                batch_size=None,
                num_workers=loaders,
                multiprocessing_context=method,
                timeout=60,
            )
        )
        assert [status for status, _ in loaded] == ["correct", "wrong"] * 4
        workers = {pid for _, pid in loaded}
        assert len(workers) == loaders
        assert ours not in workers
        until(lambda: not any(map(running, workers)))


def test_every_rank_grades(tmp_path):
    torch.multiprocessing.spawn(grade_on_a_rank, args=(str(tmp_path),), nprocs=2)
    told = [(tmp_path / f"rank{rank}").read_text().split() for rank in range(2)]
    assert [total for total, _ in told] == ["2.5", "2.5"]  # 1 + 1, and 1 - 0.5
    assert len({pid for _, pid in told}) == 2
    assert not any(running(int(pid)) for _, pid in told)


ABANDONED = """
import os, threading, time
from limr.verifier import VerifierPool
from verifier_toys import hostile, pids, until

pool = VerifierPool(workers=2, timeout_s=1.0, compare=hostile)
pool.map([("nap 0.1", "1")] * 2, kinds=["answer"] * 2)
idle, busy = pids(pool)
child = os.fork()
if not child:
    time.sleep(60)
    os._exit(0)
job = threading.Thread(target=pool.map, args=([("spin-in-C", "1")], None, ["answer"]), daemon=True)
job.start()
until(lambda: pool._workers[0].holder)
print(child, idle, busy, flush=True)
time.sleep(60)
"""


@pytest.mark.usefixtures("importable_toys")
def test_workers_end_with_a_parent_that_is_killed_though_its_child_lives():
    with subprocess.Popen([sys.executable, "-c", ABANDONED], stdout=subprocess.PIPE) as parent:
        child, *workers = map(int, parent.stdout.readline().split())
        try:
            assert all(map(running, workers))
            parent.kill()
            until(lambda: not any(map(running, workers)), within_s=1.0 + GRACE_S + 2.0)
            assert running(child)
        finally:
            parent.kill()
            os.kill(child, signal.SIGKILL)


def test_nothing_is_said_at_the_end_of_a_forked_child():
    code = (
        "import os\n"
        "from limr.verifier import VerifierPool\n"
        "pool = VerifierPool()\n"
        f"pool.map([{HARD!r}])\n"
        "child = os.fork()\n"
        "if child:\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        f"assert pool.map([{HARD!r}])[0].status == 'correct'\n"
        "print(pool._workers[0].pid, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    workers = [int(pid) for pid in done.stdout.split()]
    assert len(set(workers)) == 2
    assert not any(map(running, workers))
