"""The verifier's benchmark: its tallies by hand, and a run in which a peer hangs."""

import json
from pathlib import Path

import pytest
import verifier

DOCS = Path(__file__).parents[3] / "docs" / "verifier.md"
RESULTS = Path(verifier.__file__).parent / "results" / "verifier.json"


def line(**fields):
    return json.dumps({"gold": "5", "kind": "answer", "expected": True, "tag": "rule"} | fields)


def outcome(status, seconds, *, expected=True, part="rule", tag="t"):
    row = verifier.Row("toy", part, "answer", tag, "", "", expected)
    return verifier.Outcome("p", row, status, seconds)


def test_rows_are_wrapped_joined_and_sorted_into_parts(tmp_path):
    lines = [
        line(prediction="6"),
        line(prediction=r"so \boxed{7}", kind="response", tag="semantic"),
        line(prediction=None, prediction_parts=[["x", 3], ["y", 1]], hostile=True, either=True),
        line(prediction="8", policy=True),
    ]
    (tmp_path / "human.jsonl").write_text("\n".join(lines))
    (tmp_path / "adversarial.jsonl").write_text(line(prediction="9", tag="sets"))
    rows = verifier.read_rows(tmp_path)
    assert [(row.suite, row.part, row.response, row.expected) for row in rows] == [
        ("adversarial", "rule", r"The answer is \boxed{9}", True),
        ("human", "rule", r"The answer is \boxed{6}", True),
        ("human", "apart", r"so \boxed{7}", True),
        ("human", "hostile", r"The answer is \boxed{xxxy}", None),
        ("human", "policy", r"The answer is \boxed{8}", True),
    ]


def test_a_folder_without_rows_is_named(tmp_path):
    with pytest.raises(ValueError, match=rf"no JSONL files in {tmp_path}"):
        verifier.read_rows(tmp_path)


def test_accuracy_counts_both_kinds_of_error_by_tag():
    outcomes = [
        outcome("accepted", 0.1),
        outcome("rejected", 0.1),
        outcome("killed", 9.0),
        outcome("accepted", 0.1, expected=False),
        outcome("rejected", 0.1, expected=False),
        outcome("raised", 0.1, expected=None),
        outcome("raised", 0.1, tag="u"),
    ]
    counts = ("tag", "rows", "right", "false_positives", "false_negatives")
    table = [tuple(row[name] for name in counts) for row in verifier.accuracy(outcomes)]
    assert table == [("t", 6, 3, 1, 2), ("u", 1, 0, 0, 1)]


def test_latency_leaves_hostile_rows_out():
    outcomes = [outcome("accepted", k / 1000) for k in range(1, 102)]  # 1 to 101 ms, 5.151 s
    outcomes.append(outcome("killed", 10.0, part="hostile"))
    (row,) = verifier.latency(outcomes)
    assert (row["rows"], row["per_s"]) == (101, 19.608)
    assert [row[f"{p}_ms"] for p in ("p50", "p90", "p99", "max")] == [51.0, 91.0, 100.0, 101.0]


def test_hostile_rows_are_in_time_up_to_the_limit_and_its_grace():
    spent = [("rejected", 0.1), ("accepted", 2.29), ("rejected", 5.0), ("killed", 10.0)]
    spent += [("died", 0.1), ("executed", 0.1), ("raised", 0.1)]
    (row,) = verifier.hostile(outcome(*how, expected=False, part="hostile") for how in spent)
    assert (row["rows"], row["in_time"], row["right"], row["max_s"]) == (7, 4, 6, 10.0)
    assert [row[status] for status in verifier.FAILURES] == [1, 1, 1, 1]


def test_a_peer_that_hangs_is_killed_and_goes_on(tmp_path, capsys):
    pytest.importorskip("math_verify", reason="needs limr[peers]")
    lines = [
        line(prediction="9^9^9^9", hostile=True, expected=False),
        line(prediction=r"\pi", gold=r"\pi"),
        line(prediction="10/2"),
    ]
    (tmp_path / "human.jsonl").write_text("\n".join(lines))
    output = tmp_path / "results.json"
    suites = ["--suites", str(tmp_path), "--output", str(output)]
    verifier.main([*suites, "--peers", "limr", "original", "--deadline_s", "0.5"])
    results = json.loads(output.read_text())
    table = {(row["peer"], row["part"]): row["right"] for row in results["accuracy"]}
    assert table == {
        ("limr", "hostile"): 1,
        ("limr", "rule"): 2,
        ("original", "hostile"): 1,
        ("original", "rule"): 1,
    }
    assert [(row["peer"], row["in_time"], row["killed"]) for row in results["hostile"]] == [
        ("limr", 1, 0),
        ("original", 0, 1),
    ]
    printed = capsys.readouterr()
    assert printed.out.endswith(verifier.report(results))
    assert "| human, rule | 2 | 100.0 % (0) | 50.0 % (0) |" in printed.out
    assert "original: killed, 0.5 s: human, rule" in printed.err
    verifier.main(["--markdown", str(output)])
    assert capsys.readouterr().out == verifier.report(results)


def test_the_documentation_shows_the_committed_results():
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert verifier.report(results) in DOCS.read_text(encoding="utf-8")
