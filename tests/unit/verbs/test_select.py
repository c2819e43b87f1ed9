"""The command on a toy store: ten problems, four epochs, four samples each.

LIM's average curve over p0 to p7 is 11/32, 14/32, 14/32, 20/32. By hand, p0 to p2 score 0.973, p5
to p7 0.467, the always-solved p3 and p4 0; p8 and p9 have no score. Among equals p2, p1, p0 and p7,
p5, p6 come in this order.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from limr.report import selection_files
from limr.trajectories.importers import read_accuracies, write_store

CURVES = {
    **{f"p{i}": [0.25, 0.5, 0.5, 0.75] for i in range(3)},
    **{f"p{i}": [1, 1, 1, 1] for i in range(3, 5)},
    **{f"p{i}": [0, 0, 0, 0.25] for i in range(5, 8)},
    "p8": [0.5, None, None, 0.5],
}
PROBLEMS = [
    {"id": f"p{i}", "prompt": f"{i}+1", "answer": str(i + 1), "kind": "ab"[i % 2], "x": ["é", None]}
    for i in range(10)
]


@pytest.fixture
def run(limr, tmp_path, monkeypatch):
    """Run `limr select` untracked in a folder with `store` and `problems.jsonl`."""
    (tmp_path / "acc.json").write_text(json.dumps(CURVES))
    write_store(str(tmp_path / "store"), "toy", read_accuracies("acc.json", samples=4))
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in PROBLEMS]
    (tmp_path / "problems.jsonl").write_text("".join(lines), encoding="utf-8")

    def call(*args, figures=False):
        if not figures:  # they take most of the time
            monkeypatch.setattr(selection_files, "draw_selection", lambda found, folder: [])
        return limr("select", *args, "--output", "out.jsonl", "--tracking_uri", "null")

    return call


def written(path="out.jsonl"):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def chosen():
    return [row["id"] for row in written()]


STORE = ("--trajectories", "store")
FILE = ("--problems", "problems.jsonl")


def test_lim_is_the_method_and_its_threshold_the_rule(run):
    status, out, err = run(*STORE, *FILE)
    assert (status, err) == (0, "")
    assert out.startswith("selected 3 of 10 problems (30.0%) by lim (reward=accuracy, missing=back")
    assert "score >= 0.6: out.jsonl\nno score: 2 problems\n" in out
    assert written() == PROBLEMS[:3]


def test_the_report_lies_beside_the_output(run):
    run(*STORE, *FILE, figures=True)
    figures = ["by_mean_accuracy", "curves", "early", "methods", "scores"]
    assert sorted(path.stem for path in Path("out_report").glob("*.png")) == figures
    found = json.loads(Path("out_report/report.json").read_text())
    assert (found["problems"], found["scored"], found["chosen"]) == (10, 8, 3)
    rows = written("out_report/scores.jsonl")
    assert [row["id"] for row in rows if row["chosen"]] == ["p0", "p1", "p2"]
    scores = [row["score"] for row in rows]
    assert (
        scores
        == [pytest.approx(0.973, abs=5e-4)] * 3
        + [0] * 2
        + [pytest.approx(0.467, abs=5e-4)] * 3
        + [None] * 2
    )


def test_the_reports_scores_and_ids_can_be_selected_from_again(run):
    run(*STORE, *FILE, "--report", "first")
    assert run("--scores", "first/scores.jsonl", "--top_k", "5")[0] == 0
    assert chosen() == ["p0", "p1", "p2", "p5", "p7"]
    assert written()[0] == {"id": "p0"}


def test_without_a_problem_file_there_are_only_ids(run):
    assert run(*STORE, "--top_k", "2")[0] == 0
    assert written() == [{"id": "p1"}, {"id": "p2"}]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--fraction 0.5", "p0 p1 p2 p5 p7"),
        ("--threshold 0", "p0 p1 p2 p3 p4 p5 p6 p7"),
        ("--threshold 0 --strict", "p0 p1 p2 p5 p6 p7"),
        ("--method=variance --top_k 1", "p8"),
        ("--method lim --method.missing ignore --threshold 0.9", "p0 p1 p2 p8"),
        ("--method pass_rate --method.low 0.4 --method.high 0.6", "p8"),
        ("--method limr.selection.Slope --top_k 3", "p0 p1 p2"),
        ("--method slope --epochs 3 --top_k 3", "p0 p1 p2"),
        ("--top_k 4 --stratify family --columns.family kind", "p0 p1 p2 p7"),
    ],
)
def test_methods_and_rules(run, flags, expected):
    status, _out, err = run(*STORE, *FILE, *flags.split())
    assert status == 0, err
    assert chosen() == expected.split()


def test_ids_come_from_any_column_and_stand_in_the_output_as_id(run, tmp_path):
    rows = [{"uid": f"p{i}", "q": str(i), "answer": str(i)} for i in range(9)]
    (tmp_path / "own.json").write_text(json.dumps(rows))
    flags = ["--columns.id", "uid", "--columns.prompt", "q"]
    assert run(*STORE, "--problems", "own.json", *flags, "--top_k", "1")[0] == 0
    assert written() == [{**rows[2], "id": "p2"}]


def test_golds_that_cannot_be_graded_are_told_and_carried_through(run, tmp_path):
    rows = [{**row, "answer": ""} if row["id"] == "p1" else row for row in PROBLEMS]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _status, out, _err = run(*STORE, *FILE)
    assert "1 selected problems have gold answers that cannot be graded: p1\n" in out
    assert written()[1] == rows[1]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give one of --trajectories, --scores and --model"),
        ([*STORE, "--scores", "s.json"], "give one of --trajectories, --scores and --model"),
        ([*STORE, "--top_k", "1", "--fraction", "0.5"], "give one of --threshold, --top_k"),
        (["--scores", "s.json", "--method", "lim"], "--scores are final"),
        (["--model", "embedded:tiny-base"], "--model needs --problems"),
        (["--model", "m", *FILE], "--model samples one pass, for --method pass_rate, mean"),
        ([*STORE, *FILE, "--top_k", "1", "--stratify", "level"], "needs --problems and --columns."),
        ([*STORE, "--stratify", "level"], "--stratify shares out"),
        ([*STORE, "--method", "lin"], "method: "),
        ([*STORE, "--method", "random", "--method.missing", "drop"], "'missing' is not accepted"),
        ([*STORE, "--samples", "8"], "samples"),
    ],
)
def test_misuse_is_one_line(run, flags, message):
    status, _out, err = run(*flags)
    assert status == 2
    assert message in err
    assert err.count("\n") == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([*STORE, "--threshold", "0.999"], "no problem is selected by score >= 0.999"),
        ([*STORE, "--method", "variance"], "variance has no threshold of its own"),
        (["--trajectories", "absent"], "holds no trajectories"),
        ([*STORE, "--epochs", "5", "--top_k", "1"], "--epochs 5: there are 4 epochs"),
        ([*STORE, "--top_k", "1", "--strict"], "strict is about the threshold's edge"),
        ([*STORE, "--problems", "few.json"], "7 of 9 problems in the trajectories are not in"),
    ],
)
def test_bad_data_is_one_line_and_leaves_no_output(run, tmp_path, flags, message):
    (tmp_path / "few.json").write_text(json.dumps(PROBLEMS[:2]))
    status, _out, err = run(*flags)
    assert status == 1
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_help_imports_nothing_heavy():
    heavy = {"torch", "lightning", "mlflow", "matplotlib", "pandas"}
    code = (
        "import sys; from limr.__main__ import main\n"
        "try: main(['select', '--help'])\n"
        f"except SystemExit: sys.exit(bool({heavy} & {{*sys.modules}}))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert found.returncode == 0
    assert "--trajectories" in found.stdout
