import copy
import operator
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from verifier_toys import HARD, hostile, pids, until

from limr.verifier import Checks, Rules, Scores, VerifierPool

FREE = Checks(repeat_times=None)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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


def test_a_frozen_worker_overruns_and_is_scored():
    with VerifierPool(timeout_s=0.3, scores=Scores(timeout=-0.25)) as pool:
        assert pool.map([HARD])[0].status == "correct"
        (frozen,) = pids(pool)
        os.kill(frozen, signal.SIGSTOP)
        first, second = pool.map([HARD, HARD])
        assert (first.status, first.score) == ("timeout", -0.25)
        assert second.status == "correct"
        assert not alive(frozen)


def test_a_worker_that_dies_between_calls_is_replaced():
    with VerifierPool() as pool:
        pool.map([HARD])
        pool._workers[0]._process.kill()
        pool._workers[0]._process.wait()
        assert pool.map([HARD])[0].status == "correct"


def outcomes(pool, *answers):
    """(status, reason) of bare answers to the gold 1."""
    verdicts = pool.map([(a, "1") for a in answers], kinds=["answer"] * len(answers))
    return [(verdict.status, verdict.reason) for verdict in verdicts]


@pytest.mark.usefixtures("importable_toys")
@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ("spin", "timeout", "grading took over 0.3 s"),
        ("spin-in-C", "timeout", "grading took over 0.3 s"),
        ("eat 400", "error", "grading ran out of memory"),
        ("raise", "error", "LookupError: not found"),
        ("die", "error", "the worker died (exit status -9)"),
    ],
)
def test_a_failure_is_told_and_costs_the_worker_alone(answer, status, reason):
    with VerifierPool(timeout_s=0.3, memory_limit_mb=200, compare=hostile) as pool:
        assert outcomes(pool, "eat 50", "2") == [("correct", ""), ("wrong", "")]
        (first,) = pids(pool)
        assert outcomes(pool, "1", answer, "1") == [
            ("correct", ""),
            (status, reason),
            ("correct", ""),
        ]
        assert not alive(first)
        assert pids(pool) != [first]


@pytest.mark.usefixtures("importable_toys")
def test_without_a_limit_of_memory():
    with VerifierPool(memory_limit_mb=None, compare=hostile) as pool:
        assert outcomes(pool, "eat 1500") == [("correct", "")]


def test_threads_share_a_pool_and_each_keeps_its_order():
    with VerifierPool(workers=2) as pool, ThreadPoolExecutor(4) as threads:
        calls = [
            threads.submit(pool.map, [HARD, (rf"\boxed{{{k}x}}", "2x")] * 5) for k in (2, 3, 2, 3)
        ]
        statuses = [[verdict.status for verdict in call.result(30)] for call in calls]
    assert statuses == [["correct", "correct"] * 5, ["correct", "wrong"] * 5] * 2


@pytest.mark.usefixtures("importable_toys")
def test_a_long_call_does_not_hold_up_a_short_one():
    with VerifierPool(compare=hostile) as pool, ThreadPoolExecutor(1) as threads:
        long = threads.submit(outcomes, pool, *["nap 0.02"] * 60)
        until(lambda: pool._workers[0].ready)
        assert outcomes(pool, "1") == [("correct", "")]
        assert not long.done()
        assert long.result(30) == [("wrong", "")] * 60


@pytest.mark.usefixtures("importable_toys")
def test_a_call_takes_up_workers_that_others_free():
    with VerifierPool(workers=2, compare=hostile) as pool, ThreadPoolExecutor(2) as threads:
        first = threads.submit(outcomes, pool, "nap 0.5")
        until(lambda: pool._workers[0].holder)
        second = threads.submit(outcomes, pool, "nap 1.5", "nap 1.5")
        first.result(30)
        until(lambda: pool._workers[0].holder is pool._workers[1].holder is not None)
        assert second.result(30) == [("wrong", "")] * 2


@pytest.mark.usefixtures("importable_toys")
def test_close_waits_for_the_calls_of_other_threads():
    pool = VerifierPool(compare=hostile)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(outcomes, pool, "nap 0.3")
        until(lambda: pool._workers[0].ready)
        pool.close()
        assert pids(pool) == []
        assert call.result(30) == [("wrong", "")]


@pytest.fixture
def interruptible():
    """SIGINT raises KeyboardInterrupt, also where it was ignored: in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("importable_toys", "interruptible")
def test_an_interrupted_call_leaves_nothing_behind():
    with VerifierPool(timeout_s=20, compare=hostile) as pool:
        outcomes(pool, "1")
        (first,) = pids(pool)
        interrupt = partial(signal.pthread_kill, threading.get_ident(), signal.SIGINT)
        threading.Timer(0.2, interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            outcomes(pool, "spin", "spin")
        assert not alive(first)
        assert outcomes(pool, "1", "2") == [("correct", ""), ("wrong", "")]


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
        "print(pool._workers[0].pid)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not alive(int(done.stdout))


def test_copies_have_workers_of_their_own():
    settings = {
        "workers": 2,
        "timeout_s": 1.5,
        "scores": Scores(correct=3.0),
        "checks": FREE,
        "rules": Rules(base_optional=False),
        "memory_limit_mb": 300,
        "compare": operator.eq,
    }
    with VerifierPool(**settings) as pool:
        pool.map([HARD])
        for twin in (copy.deepcopy(pool), pickle.loads(pickle.dumps(pool))):
            assert {name: getattr(twin, name) for name in settings} == settings
            assert pids(twin) == []


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="workers"):
        VerifierPool(workers=0)
    with pytest.raises(ValueError, match="timeout_s"):
        VerifierPool(timeout_s=0)
    with pytest.raises(ValueError, match="memory_limit_mb"):
        VerifierPool(memory_limit_mb=0)
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
