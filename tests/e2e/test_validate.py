"""`limr validate` on the published benchmarks: any model, batch, number of processes; taken up."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.responses import read_responses
from limr.__main__ import main

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
VALIDATE = ROOT / "experiments" / "validate.yaml"
SIZES = {"aime24": (30, 4), "amc23": (40, 4), "math500": (50, 1)}


@pytest.fixture(scope="module")
def arguments(shared_data):
    def arguments(folder, *more):
        return [
            *("validate", "--config", str(VALIDATE), "--trainer.default_root_dir", str(folder)),
            *("--model.pretrained.name", "embedded:tiny-base", "--trainer.logger", "false"),
            *("--data.suite.files", str(shared_data / "benchmarks")),
            *("--data.suite.max_response_tokens", "8", "--trainer.enable_progress_bar", "false"),
            *more,
        ]

    return arguments


@pytest.fixture(scope="module")
def limr(arguments):
    def limr(folder, *more):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = main(arguments(folder, *more))
        return status, out.getvalue()

    return limr


def responses(folder):
    found = {}
    for path in sorted((folder / "responses").glob("*.parquet")):
        rows, facts = read_responses(path)
        found[facts["benchmark"]] = rows, facts
    return found


@pytest.fixture(scope="module")
def whole(limr, tmp_path_factory):
    """All of AIME24 and AMC23, a tenth of MATH500: folder, output, responses."""
    folder = tmp_path_factory.mktemp("whole")
    status, printed = limr(folder, "--limit", "50", "--data.eval_batch_size", "64")
    assert status == 0, printed
    return folder, printed, responses(folder)


def test_questions_are_answered_as_the_paper_draws_answers(whole):
    _, printed, found = whole
    for name, (questions, samples) in SIZES.items():
        rows, facts = found[name]
        assert len(rows) == questions * samples
        assert facts["questions"] == questions
        assert facts["sampling"]["samples_per_prompt"] == samples
        assert {row["status"] for row in rows} <= {"correct", "wrong", "malformed"}
        row = next(line for line in printed.splitlines() if line.startswith(f"{name} "))
        assert row.split()[1] == str(questions)
    assert "pass@4" in printed
    assert "maj@4" in printed


SOME = ("--benchmarks", "amc23,generated", "--limit", "10")


@pytest.fixture(scope="module")
def some(limr, tmp_path_factory):
    folder = tmp_path_factory.mktemp("some")
    status, printed = limr(folder, *SOME, "--data.eval_batch_size", "64")
    assert status == 0, printed
    return responses(folder)


def test_a_batch_of_8_or_64_gives_the_same_responses(limr, some, tmp_path):
    status, printed = limr(tmp_path, *SOME, "--data.eval_batch_size", "8")
    assert status == 0, printed
    assert responses(tmp_path) == some
    assert {len(rows) for rows, _ in some.values()} == {10, 40}


def test_two_processes_give_the_same_responses(arguments, some, tmp_path):
    two = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.accelerator", "cpu")
    done = subprocess.run(
        [sys.executable, "-m", "limr", *arguments(tmp_path, *SOME, *two)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert responses(tmp_path) == some


def test_what_was_measured_is_taken_from_its_file(limr, whole):
    folder, printed, found = whole
    (missing,) = (folder / "responses").glob("validate-aime24-*.parquet")
    missing.unlink()
    times = {p: p.stat().st_mtime_ns for p in (folder / "responses").glob("*.parquet")}
    status, again = limr(folder, "--limit", "50", "--data.eval_batch_size", "16")
    assert status == 0, again
    assert again.count("was measured before") == 2
    assert responses(folder) == found
    assert {path: path.stat().st_mtime_ns for path in times} == times
    table = printed[printed.index("validation at step") :]
    assert again[again.index("validation at step") :] == table


def test_another_seed_or_number_of_questions_is_measured_anew(limr, whole):
    folder, *_ = whole
    for change in (("--seed_everything", "2"), ("--limit", "3")):
        status, printed = limr(folder, "--benchmarks", "aime24", *change)
        assert status == 0, printed
        assert "was measured before" not in printed
    assert len([*(folder / "responses").glob("validate-aime24-*.parquet")]) == 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--benchmarks", "amc24"), "error: no benchmark 'amc24'; there are aime24, "),
        (("--data.suite.files", "absent"), "error: no file absent/aime24.jsonl"),
        (("--data.suite.preset", "avg64"), "has no preset 'avg64'; it has paper, avg32"),
        (("--data.max_prompt_tokens", "9"), "longer than max_prompt_tokens 9"),
    ],
)
def test_a_mistake_takes_one_line(limr, tmp_path, flags, message):
    status, printed = limr(tmp_path, *flags)
    assert status == 1
    assert message in printed.splitlines()[-1]
