import json
import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from limr.__main__ import main
from limr.verbs import verify

ADDED = ("status", "correct", "answer", "reason")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run `limr verify` in an empty folder; its exit status, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def call(*args):
        try:
            status = main(["verify", *args])
        except SystemExit as exit:
            status = exit.code
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def grade(run, tmp_path):
    """Grade these rows; what stands in the output, and standard error."""

    def call(rows, *flags):
        source = tmp_path / "in.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        status, out, err = run("--input", "in.jsonl", "--output", "out.jsonl", *flags)
        assert (status, out) == (0, ""), err
        text = (tmp_path / "out.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()], err

    return call


def row(gold, prediction, **others):
    return {"gold": gold, "prediction": prediction, **others}


def added(rows):
    return [tuple(row[name] for name in ADDED) for row in rows]


def test_rows_keep_their_order_and_their_fields(grade, monkeypatch):
    monkeypatch.setattr(verify, "CHUNK_ROWS", 3)
    rows = [row(f"{k}x", f"x {k % 4}", id=k, extra={"é": [None, 1.5]}) for k in range(10)]
    graded, err = grade(rows, "--workers", "2")
    assert [{k: v for k, v in r.items() if k not in ADDED} for r in graded] == rows
    assert [r["status"] for r in graded] == ["correct"] * 4 + ["wrong"] * 6
    assert [r["correct"] for r in graded] == [True] * 4 + [False] * 6
    assert err == "graded 10 row(s): 40.0% correct (correct 4, wrong 6)\n"


def test_every_kind_of_verdict_and_a_row_that_overruns(grade, monkeypatch):
    hostile = row(r"\sqrt2+x", r"\sum_{k=1}^{2000}k^{k}+x")
    rows = [row("5", "5.0"), hostile, row("2x", "x+x"), row("", "3"), row("3", " ")]
    graded, err = grade([*rows, row("1", "2")], "--timeout_s", "0.05")
    assert added(graded)[0] == ("correct", True, "5.0", "")
    assert added(graded)[1] == (
        "timeout",
        False,
        r"\sum_{k=1}^{2000}k^{k}+x",
        "grading took over 0.05 s",
    )
    assert added(graded)[3:] == [
        ("gold_unparsable", False, "3", "the gold is empty"),
        ("malformed", False, "", "empty_answer"),
        ("wrong", False, "2", ""),
    ]
    assert "timeout 1" in err or "timeout 2" in err  # x+x may take over 50 ms on a busy machine


def test_kind_response_takes_the_last_box(grade):
    rows = [
        row("5", r"\boxed{4}, no: \boxed{5}"),
        row("5", "5"),
        row("5", r"\boxed{5}", truncated=True),
        row("5", "5", kind="answer"),
    ]
    graded, _ = grade(rows, "--kind", "response")
    assert added(graded) == [
        ("correct", True, "5", ""),
        ("malformed", False, None, "too_few_boxes"),
        ("malformed", False, "5", "truncated"),
        ("correct", True, "5", ""),
    ]


def test_a_rows_kind_wins_over_the_default(grade):
    (graded,), _ = grade([row("5", r"It is \boxed{5}", kind="response")])
    assert graded["status"] == "correct"


def test_trainings_checks_are_off_until_switched_on(grade):
    rows = [row("5", "ab" * 30 + r"\boxed{4} no " * 5 + r"\boxed{5}", kind="response")]
    assert grade(rows)[0][0]["correct"]
    assert grade(rows, "--checks.repeat_times=5")[0][0]["reason"] == "repetition"
    assert grade(rows, "--checks.max_boxes=4")[0][0]["reason"] == "too_many_boxes"


def test_a_cut_response_is_malformed_unless_switched_off(grade):
    rows = [row("5", r"\boxed{5}", truncated=True, kind="response")]
    assert grade(rows)[0][0]["reason"] == "truncated"
    assert grade(rows, "--checks.ended=false")[0][0]["correct"]


def test_rules_can_be_set(run):
    pair = ("--gold", r"\sqrt2", "--prediction", "1.414")
    assert run(*pair)[1] == "wrong\nanswer: 1.414\n"
    assert run(*pair, "--rules.rounded_digits", "3")[1] == "correct\nanswer: 1.414\n"


def test_fields_of_the_same_name_are_replaced(grade):
    (graded,), _ = grade([row("5", "6", answer="7", correct="maybe", status=1, reason=2)])
    assert added([graded]) == [("wrong", False, "6", "")]


def test_empty_lines_and_a_byte_order_mark_are_no_rows(run, tmp_path):
    line = json.dumps(row("5", "5")).encode() + b"\n"
    (tmp_path / "in.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\n  \r\n" + line)
    status, out, err = run("--input", "in.jsonl", "--output", "-")
    assert status == 0
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["correct", "correct"]
    assert err == "graded 2 row(s): 100.0% correct (correct 2)\n"


def test_no_rows_are_graded_too(grade):
    assert grade([]) == ([], "graded 0 row(s)\n")


def test_text_that_utf8_cannot_hold_is_kept(grade):
    (graded,), _ = grade([row("5", "\ud800")])
    assert (graded["prediction"], graded["status"]) == ("\ud800", "wrong")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "line 2: not JSON"),
        (b"\xff", "line 2: not JSON in UTF-8"),
        (b"[" * 100_000, "line 2: not JSON"),
        (b"[1]", "line 2: expected an object, found list"),
        (b'{"gold": "1"}', "line 2: no 'prediction' among ['gold']"),
        (b'{"prediction": "1", "id": 3}', "line 2: no 'gold' among ['id', 'prediction']"),
        (b'{"gold": 1, "prediction": "1"}', "line 2: 'gold' must be text, found int"),
        (b'{"gold": "1", "prediction": null}', "line 2: 'prediction' must be text, found null"),
        (b'{"gold": "1", "prediction": "1", "kind": "boxed"}', "'response'), found 'boxed'"),
        (b'{"gold": "1", "prediction": "1", "kind": []}', "'response'), found []"),
        (b'{"gold": "1", "prediction": "1", "truncated": "no"}', "true or false, found 'no'"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(run, tmp_path, monkeypatch, line, words):
    monkeypatch.setattr(verify, "grade", None)  # the check comes before any grading
    (tmp_path / "in.jsonl").write_bytes(json.dumps(row("5", "5")).encode() + b"\n" + line)
    status, out, err = run("--input", "in.jsonl", "--output", "out.jsonl")
    assert (status, out) == (1, "")
    assert err.startswith("error: in.jsonl, line 2: ")
    assert words in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_files_that_cannot_be_used_are_named(run, tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps(row("5", "5")) + "\n")
    (tmp_path / "folder").mkdir()
    for source, output, words in [
        ("missing.jsonl", "out.jsonl", "missing.jsonl: no such file"),
        ("folder", "out.jsonl", "folder: no such file, or no regular one"),
        ("in.jsonl", "folder", "cannot write folder"),
        ("in.jsonl", "folder/../in.jsonl", "is the input"),
    ]:
        status, _, err = run("--input", source, "--output", output)
        assert status == 1
        assert err.startswith("error: ")
        assert words in err
        assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "in.jsonl"]


@pytest.mark.parametrize(
    ("gold", "prediction", "flags", "out"),
    [
        (r"\frac12", "0.5", [], "correct\nanswer: 0.5\n"),
        (r"-\frac12", "-x", [], "wrong\nanswer: -x\n"),
        ("null", "[1,2]", [], "wrong\nanswer: [1,2]\n"),
        ("5", r"\boxed{5}", ["--kind", "response"], "correct\nanswer: 5\n"),
        ("5", "5", ["--kind", "response"], "malformed\nreason: too_few_boxes\n"),
        ("", "5", [], "gold_unparsable\nanswer: 5\nreason: the gold is empty\n"),
    ],
)
def test_one_pair(run, gold, prediction, flags, out):
    assert run("--gold", gold, "--prediction", prediction, *flags) == (0, out, "")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "give --input and --output, or --gold and --prediction"),
        (["--input", "in.jsonl"], "give --input and --output"),
        (["--gold", "5", "--output", "o"], "give --input and --output"),
        (["--gold", "5", "--prediction", "5", "--input", "i"], "give --input and --output"),
        (["--gold", "5", "--prediction"], "--prediction: expected one argument"),
        (["--tmeout_s", "3"], "did you mean 'timeout_s'?"),
        (["--kind", "boxed"], "kind"),
        (["--workers", "two"], "workers"),
    ],
)
def test_misuse_is_one_line_and_status_2(run, args, words):
    status, out, err = run(*args)
    error, help_line = err.splitlines()
    assert (status, out) == (2, "")
    assert error.startswith("error: ")
    assert words in error
    assert help_line == "help:  limr verify --help"


def test_impossible_values_are_refused(run):
    pair = ("--gold", "5", "--prediction", "5")
    assert run(*pair, "--workers", "0") == (1, "", "error: workers must be >= 1, got 0\n")
    status, _, err = run(*pair, "--checks.repeat_chars", "0")
    assert status == 1
    assert err.startswith("error: repeat_chars must be >= 1")


def test_the_help_says_what_rows_and_exit_status_are(run):
    status, out, _ = run("--help")
    assert status == 0
    for word in ('"gold"', '"prediction"', "gold_unparsable", "exit status", "--checks.max_boxes"):
        assert word in out


def test_progress_is_shown_on_a_terminal(tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps(row("5", "5")) + "\n")
    terminal, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    done = subprocess.run(
        [sys.executable, "-m", "limr", "verify", "--input", "in.jsonl", "--output", "-"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert json.loads(done.stdout)["correct"]
    assert "1/1" in shown
    assert "graded 1 row(s): 100.0% correct (correct 1)" in shown
