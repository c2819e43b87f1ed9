import math
import signal
import subprocess
import sys
import time

import pytest
from verifier_toys import HARD, hostile

from limr.verifier import VerifierPool
from limr.verifier.worker import GRACE_S, Settings, Worker


def heard(worker, within_s=20.0):
    assert worker.connection.poll(within_s)
    return worker.hear()


@pytest.mark.usefixtures("importable_toys")
def test_a_worker_that_nobody_stops_stops_itself():
    worker = Worker(Settings(hostile, timeout_s=0.1, memory_limit_mb=None))
    worker.give((0, "spin-in-C", "1"))
    assert heard(worker) is None
    start = time.monotonic()
    assert heard(worker) == ("timeout", "grading took over 0.1 s")
    assert time.monotonic() - start >= GRACE_S
    assert worker.pid is None


@pytest.mark.usefixtures("importable_toys")
def test_the_alarm_is_for_one_job_only_and_is_not_to_be_blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        worker = Worker(Settings(hostile, timeout_s=0.1, memory_limit_mb=None))
        worker.give((0, "1", "1"))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    assert heard(worker) is None
    assert heard(worker) == ("correct", "")
    assert not worker.connection.poll(0.1 + GRACE_S + 0.2), "it ended while it was idle"
    worker.give((1, "spin", "1"))
    assert heard(worker) == ("timeout", "grading took over 0.1 s")


def test_a_worker_that_cannot_start_is_an_error_of_the_call():
    pool = VerifierPool(compare=math.hypot)  # takes no texts
    with pytest.raises(RuntimeError, match=r"died while starting.*exit status 1"):
        pool.map([HARD])
    assert pool._workers[0].pid is None
    assert pool._workers[0].holder is None


def test_a_system_that_cannot_limit_memory_is_told_of(tmp_path, monkeypatch):
    (tmp_path / "resource.py").write_text("raise ImportError('none on this system')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with VerifierPool(memory_limit_mb=300) as pool:
        with pytest.warns(RuntimeWarning, match="memory_limit_mb: ImportError: none on this"):
            (verdict,) = pool.map([HARD])
        assert verdict.status == "correct"


@pytest.mark.parametrize(("asked", "bound"), [(300, 300), (2000, 1000), (None, 1000)])
def test_a_tighter_limit_of_the_system_stays(asked, bound):
    code = (
        "import resource\n"
        "from limr.verifier.worker import limit_memory\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1000 * 2**20,) * 2)\n"
        f"print(limit_memory({asked}), resource.getrlimit(resource.RLIMIT_AS)[0] // 2**20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(bound)]
