import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

from limr.verifier import Checks, Scores, VerifierPool

HARD = (r"\boxed{\sqrt{x}+1}", r"1+\sqrt{x}")
FREE = Checks(repeat_times=None)


def pids(pool):
    return [worker.pid for worker in pool._workers if worker.pid]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def stop_in_place(pool):
    """Freeze the workers, so that whatever they are given overruns."""
    for pid in pids(pool):
        os.kill(pid, signal.SIGSTOP)


def test_order_is_kept_over_fast_and_slow_pairs():
    pairs = [(rf"\boxed{{{k}x}}", f"{k} x") for k in range(40)]
    pairs += [(rf"\boxed{{{k}}}", "7") for k in range(40)]
    with VerifierPool(workers=2) as pool:
        statuses = [verdict.status for verdict in pool.map(pairs)]
    assert statuses == ["correct"] * 40 + ["wrong"] * 7 + ["correct"] + ["wrong"] * 32


def test_plain_answers_start_no_worker():
    pool = VerifierPool()
    verdicts = pool.map([(r"\boxed{5}", "5.0"), (r"\boxed{\pi}", r"\pi"), ("?", "x"), ("x", "")])
    assert [v.status for v in verdicts] == ["correct", "correct", "malformed", "gold_unparsable"]
    assert pids(pool) == []


def test_bare_answers_and_responses_in_one_call():
    rows = [("0.5", r"\frac12", "answer"), (r"\boxed{x 2}", "2x", "response")]
    rows += [("(0,1}", "(0,1}", "answer"), (" 7 ", "7", "answer"), ("7", "7", "response")]
    rows += [(" ", "7", "answer"), ("7", " ", "answer"), ("x", "y", "answer")]
    with VerifierPool() as pool:
        verdicts = pool.map([row[:2] for row in rows], kinds=[row[2] for row in rows])
    assert [(v.status, v.answer, v.reason) for v in verdicts] == [
        ("correct", "0.5", ""),
        ("correct", "x 2", ""),
        ("correct", "(0,1}", ""),
        ("correct", "7", ""),
        ("malformed", None, "too_few_boxes"),
        ("malformed", "", "empty_answer"),
        ("gold_unparsable", "7", "the gold is empty"),
        ("wrong", "x", ""),
    ]


def test_a_bare_answer_needs_no_response_checks():
    repeated = "1234567" * 9
    (verdict,) = VerifierPool().map([(repeated, repeated)], [True], ["answer"])
    assert verdict.status == "correct"


def test_overrun_is_killed_replaced_and_scored():
    with VerifierPool(timeout_s=0.3, scores=Scores(timeout=-0.25)) as pool:
        assert pool.map([HARD])[0].status == "correct"
        frozen = pids(pool)
        stop_in_place(pool)
        start = time.monotonic()
        first, second = pool.map([HARD, HARD])
        assert (first.status, first.score, first.reason) == (
            "timeout",
            -0.25,
            "grading took over 0.3 s",
        )
        assert second.status == "correct"
        assert 0.3 <= time.monotonic() - start < 10
        assert not alive(frozen[0])
        assert pids(pool) != frozen


def test_a_worker_that_dies_between_calls_is_replaced():
    with VerifierPool() as pool:
        pool.map([HARD])
        pool._workers[0]._process.kill()
        pool._workers[0]._process.wait()
        assert pool.map([HARD])[0].status == "correct"


def test_a_worker_that_dies_at_work_is_an_error():
    with VerifierPool(timeout_s=20) as pool:
        pool.map([HARD])
        stop_in_place(pool)
        threading.Timer(0.2, pool._workers[0]._process.kill).start()
        verdict = pool.map([HARD])[0]
        assert verdict.status == "error"
        assert "the worker died" in verdict.reason
        assert pool.map([HARD])[0].status == "correct"


def test_threads_share_a_pool():
    results = {}
    with VerifierPool(workers=2) as pool:

        def work(name):
            results[name] = [v.status for v in pool.map([HARD, (r"\boxed{x}", "y")] * 5)]

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert list(results.values()) == [["correct", "wrong"] * 5] * 4


def test_close_leaves_no_process_and_is_not_the_end():
    pool = VerifierPool(workers=2)
    pool.map([HARD] * 4)
    workers = pids(pool)
    assert len(workers) == 2
    pool.close()
    assert not any(map(alive, workers))
    assert pool.map([HARD])[0].status == "correct"
    pool.close()


def test_dropping_the_pool_stops_its_workers():
    pool = VerifierPool()
    pool.map([HARD])
    (pid,) = pids(pool)
    del pool
    assert not alive(pid)


def test_exit_without_close_leaves_no_process():
    code = (
        "from limr.verifier import VerifierPool\n"
        "pool = VerifierPool()\n"
        f"pool.map([{HARD!r}])\n"
        "print(pool._workers[0]._process.pid)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not alive(int(done.stdout))


def test_copies_have_workers_of_their_own():
    with VerifierPool(timeout_s=1.5, scores=Scores(correct=3.0)) as pool:
        pool.map([HARD])
        for twin in (copy.deepcopy(pool), pickle.loads(pickle.dumps(pool))):
            assert (twin.workers, twin.timeout_s, twin.scores) == (1, 1.5, pool.scores)
            assert pids(twin) == []


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="workers"):
        VerifierPool(workers=0)
    with pytest.raises(ValueError, match="timeout_s"):
        VerifierPool(timeout_s=0)
    with pytest.raises(ValueError, match="2 truncated flags"):
        VerifierPool().map([("a", "b")], [True, False])
    with pytest.raises(ValueError, match="2 kinds"):
        VerifierPool().map([("a", "b")], kinds=["answer", "answer"])


def test_importing_the_verifier_is_cheap():
    code = (
        "import sys, limr.verifier\n"
        "print([m for m in ('torch', 'sympy', 'mpmath', 'numpy', 'antlr4') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "answer",
    ["9^{9^{9^{9}}}", "(10^9)!", "1+" * 900 + "1", "(" * 900 + "5" + ")" * 900, r"\pm" * 300 + "5",
     r"\sqrt{" * 150 + "5" + "}" * 150, "x=" * 900 + "5", r"\tan(" * 9 + "10^{50}" + ")" * 9,
     "__import__('os').system('touch PWNED')", r"\{" * 900, ",".join(f"x^{k}+y" for k in range(59)),
     r"\sum_{k=1}^{2000}\sum_{j=1}^{2000}jk", r"\sqrt{" + "9" * 900 + r"}+\pi"],
)  # fmt: skip
def test_hostile_answers_come_back_in_time(answer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with VerifierPool(timeout_s=2.0, checks=FREE) as pool:
        pool.map([HARD])
        start = time.monotonic()
        verdicts = pool.map([(rf"\boxed{{{answer}}}", gold) for gold in ("5", r"\sqrt2+x")])
        assert time.monotonic() - start < 2.3
    assert all(verdict.status in ("wrong", "malformed") for verdict in verdicts) or "pm" in answer
    assert list(tmp_path.iterdir()) == []
