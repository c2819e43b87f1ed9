"""Many threads, and much of what is bad: the pool stays healthy, bounded and leaves nothing."""

import json
import random
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from verifier_toys import hostile, pids, running

from limr.verifier import VerifierPool, extract_boxed

SUITES = Path(__file__).resolve().parents[4] / "shared" / "suites" / "verifier"
TIMEOUT_S = 0.5
FAILURES = [
    ("spin", "timeout"),
    ("spin-in-C", "timeout"),
    ("eat 400", "error"),
    ("die", "error"),
    ("raise", "error"),
]
"""What overruns, is too large or kills, with its status."""
ORDINARY = [
    ("x+1", "1+x", "correct"),
    (r"\sqrt{8}", r"2\sqrt2", "correct"),
    (r"\frac{x}{2}", "0.5x", "correct"),
    (r"\sin(x+1)", r"\sin x", "wrong"),
    (r"\{1,2,x\}", r"\{x,2,1\}", "correct"),
    ("(1,x)", "(x,1)", "wrong"),
]


def hostile_rows():
    """(answer, gold, allowed statuses) of the labelled answers meant to hang a verifier."""
    for name in ("adversarial", "hostile_extra"):
        for line in (SUITES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["hostile"]:
                text = row["prediction"]
                if text is None:
                    text = "".join(part * times for part, times in row["prediction_parts"])
                answer = extract_boxed(text) if row["kind"] == "response" else text
                refused = {"wrong", "malformed"}  # malformed: nothing but space
                if row.get("either"):
                    allowed = {"correct", *refused}
                else:
                    allowed = {"correct"} if row["expected"] else refused
                yield answer or "", row["gold"], allowed


def jobs(count, seed):
    """Jobs in random order: 1 in 100 fails, of the rest half is hostile and half is not."""
    draw = random.Random(seed)
    rows = list(hostile_rows())
    chosen = [(answer, "1", {status}) for answer, status in FAILURES] * -(-count // 500)
    while len(chosen) < count:
        chosen.append(draw.choice(rows))
        answer, gold, status = draw.choice(ORDINARY)
        chosen.append((answer, gold, {status}))
    draw.shuffle(chosen)
    return chosen


def resident_mb(pid, field="VmRSS"):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


def grade_in_threads(pool, chosen, threads=8, per_call=5):
    """Every job with its verdict, from calls of five in eight threads."""
    calls = [chosen[start : start + per_call] for start in range(0, len(chosen), per_call)]

    def grade(call):
        pairs = [(answer, gold) for answer, gold, _ in call]
        return list(zip(call, pool.map(pairs, kinds=["answer"] * len(call)), strict=True))

    with ThreadPoolExecutor(threads) as executor:
        return [row for graded in executor.map(grade, calls) for row in graded]


@pytest.mark.skipif(not SUITES.is_dir(), reason=f"no labelled answers in {SUITES}")
@pytest.mark.usefixtures("importable_toys")
@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mixed_hostile_calls_from_eight_threads(count, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen = jobs(count, seed=count)
    limits = {"timeout_s": TIMEOUT_S, "memory_limit_mb": 200}
    with VerifierPool(workers=2, compare=hostile, **limits) as pool:
        grade_in_threads(pool, chosen[:100])
        before = resident_mb("self")
        graded = grade_in_threads(pool, chosen)
        grown = resident_mb("self") - before
        workers = pids(pool)
        largest = max(resident_mb(pid, "VmHWM") for pid in workers)
        assert [v.status for v in pool.map([(r"\boxed{x+1}", "1+x")] * 4)] == ["correct"] * 4
    statuses = Counter(verdict.status for _, verdict in graded)
    assert [row for row in graded if row[1].status not in row[0][2]] == []
    failures = Counter(status for _, status in FAILURES)
    assert {s: n for s, n in statuses.items() if s in failures} == {
        status: times * -(-count // 500) for status, times in failures.items()
    }
    assert grown < 20
    assert largest < 100
    assert not any(map(running, workers))
    assert list(tmp_path.iterdir()) == []
