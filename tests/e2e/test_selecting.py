"""`limr import` and `limr select` as a user types them, in processes of their own."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
"""In another folder, too, the limr beside these tests is the one that runs."""

pytestmark = pytest.mark.e2e


@pytest.fixture
def limr(tmp_path):
    def call(*args):
        command = [sys.executable, "-m", "limr", *map(str, args)]
        done = subprocess.run(
            command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("flags", "count"), [([], 1389), (["--strict"], 1324)])
def test_the_released_scores_give_the_released_set(limr, tmp_path, shared_data, flags, count):
    data = shared_data / "limr"
    sources = ["--scores", data / "scores.json", "--problems", data / "math.8k.json"]
    out = limr(
        "select", *sources, "--threshold", 0.6, *flags, "--output", "lim.jsonl",
        "--tracking_uri", "null",
    )  # fmt: skip
    assert out.startswith(f"selected {count} of 8523 problems")
    problems = {row["id"]: row for row in json.loads((data / "math.8k.json").read_text("utf-8"))}
    scores = {
        row["prompt"].strip(): row["score"]
        for row in json.loads((data / "scores.json").read_text("utf-8"))
    }
    released = [
        row
        for row in problems.values()
        if (score := scores.get(row["prompt"].strip(), -9)) > 0.6 or (score == 0.6 and not flags)
    ]
    assert rows(tmp_path / "lim.jsonl") == released


def test_published_accuracies_by_way_of_a_store(limr, tmp_path, shared_data):
    source = shared_data / "one_shot_rlvr" / "acc_step_500.json"
    out = limr("import", "accuracies", "--input", source, "--samples", 8, "--output", "store")
    assert out.startswith("imported 512000 responses to 1209 problems over 57 epochs")
    flags = ["--epochs", 44, "--fraction", 1389 / 8523]
    limr("select", "--trajectories", "store", *flags, "--output", "lim.jsonl")
    found = json.loads((tmp_path / "lim_report" / "report.json").read_text())
    # docs/selection.md's table
    assert found["chosen"] == len(rows(tmp_path / "lim.jsonl")) == 197
    overlaps = dict(zip(found["methods"]["names"], found["methods"]["overlap"][0], strict=True))
    assert overlaps["mean_band"] == pytest.approx(0.898, abs=5e-4)
    assert overlaps["slope"] == pytest.approx(0.315, abs=5e-4)
    assert found["two_runs"]["mean"] == pytest.approx(0.853, abs=0.01)
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        tags = dict(database.execute("SELECT key, value FROM tags"))
    assert tags["verb"] == "select"


@pytest.mark.parametrize("method", ["pass_rate", "mean_band", "variance"])
def test_a_sampling_pass_stands_in_for_a_run(limr, tmp_path, method):
    problems = [{"id": f"p{i}", "prompt": f"{i}+1=", "answer": f"{i + 1}"} for i in range(6)]
    (tmp_path / "problems.json").write_text(json.dumps(problems))
    out = limr(
        "select", "--method", method, "--model", "embedded:tiny-base", "--samples", 4,
        "--max_response_tokens", 16, "--template", "limr.data.PlainTemplate",
        "--problems", "problems.json", "--top_k", 2, "--output", "two.jsonl",
    )  # fmt: skip
    assert out.startswith(f"selected 2 of 6 problems (33.3%) by {method}")
    assert len(rows(tmp_path / "two.jsonl")) == 2
    again = ["--method", method, "--top_k", 2, "--output", "again.jsonl"]
    limr("select", "--trajectories", "two_report/trajectories", *again)
    ids = [row["id"] for row in rows(tmp_path / "two.jsonl")]
    assert [row["id"] for row in rows(tmp_path / "again.jsonl")] == ids
