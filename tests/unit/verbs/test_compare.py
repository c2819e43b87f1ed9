"""The command on toy runs: two arms, two seeds, two benchmarks, measured at steps 0, 2 and 4."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from limr.report import comparison_files


@pytest.fixture
def compare(limr, monkeypatch):
    def call(*args, figures=False):
        if not figures:  # they take most of the time
            monkeypatch.setattr(comparison_files, "draw_comparison", lambda *_: ([], []))
        return limr("compare", *map(str, args), "--output", "report")

    return call


def test_a_folder_of_runs(compare, run_folders):
    status, out, err = compare("--folder", run_folders, figures=True)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "compared with full at 4 steps, the most that every run reaches"
    assert [line.split()[0] for line in lines[3:9:2]] == ["easy", "hard", "average"]
    assert lines[-1] == "report: report/index.html"
    with Path("report/runs.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2 * 2 * 2 * 3
    assert len(list(Path("report").glob("*.png"))) == 6
    assert not Path("mlflow.db").exists()


def test_at_an_earlier_step_on_one_benchmark(compare, run_folders):
    status, out, _ = compare("--folder", run_folders, "--at", 2, "--benchmarks", "hard")
    lines = out.splitlines()
    assert (status, lines[0]) == (0, "compared with full at 2 steps")
    assert [line.split()[0] for line in lines[3:5]] == ["hard", "lim"]
    status, _, err = compare("--folder", run_folders, "--at", 9)
    assert (status, err.count("\n")) == (1, 1)
    assert "not every run reaches 9 steps" in err


def test_folder_and_mlflow_tell_the_same(compare, run_folders, logged_runs, mlflow_uri):
    _, from_folder, _ = compare("--folder", run_folders)
    flags = ("--experiment", logged_runs[0], "--tracking_uri", mlflow_uri, "--no_log")
    _, from_mlflow, _ = compare(*flags)
    assert from_folder == from_mlflow


def test_it_is_logged_beside_the_runs_and_is_no_arm_itself(compare, logged_runs, mlflow_uri):
    experiment, ids = logged_runs
    place = ("--tracking_uri", mlflow_uri)
    outs = [
        compare("--experiment", experiment, *place)[1],
        compare("--runs", *ids, *place)[1],
    ]
    client = MlflowClient(mlflow_uri)
    logged = [client.get_run(out.split("logged: run ")[1].strip()) for out in outs]
    home = client.get_experiment_by_name(experiment).experiment_id
    for run in logged:
        assert (run.info.experiment_id, run.info.run_name) == (home, "compare")
        assert run.data.tags["verb"] == "compare"
        assert run.data.params["match"] == "steps"
        files = client.list_artifacts(run.info.run_id, "comparison")
        assert {Path(file.path).name for file in files} >= {"index.html", "runs.csv"}
    one, other = (run.data.metrics for run in logged)
    assert one == other
    assert one["compare/easy/lim/difference_low"] <= one["compare/easy/lim/difference"]


def test_amounts_and_baselines_can_be_chosen(compare, run_folders):
    _, out, _ = compare("--folder", run_folders, "--match", "tokens", "--baseline", "lim")
    assert out.startswith("compared with lim at 368 tokens")
    _, out, _ = compare("--folder", run_folders, "--match", "optimizer_steps")
    assert out.startswith("compared with full at 12 optimizer steps")


def test_what_is_amiss_is_a_warning(compare, run_folders, tmp_path):
    shutil.copytree(run_folders, tmp_path / "runs")
    for file in (tmp_path / "runs/lim-s1/responses").glob("fit-hard-*"):
        file.unlink()
    status, out, err = compare("--folder", "runs")
    assert status == 0
    assert err == "warning: benchmark 'hard' is left out: not every run was measured on it\n"
    assert "average" not in out
    assert "is left out: not every run was measured" in Path("report/index.html").read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "give one of --experiment, --runs and --folder"),
        (["--folder", "x", "--experiment", "y"], "give one of --experiment, --runs and --folder"),
        (["--folder", "x", "--filter", "y"], "--filter is for the runs of an --experiment"),
        (["--folder", "x", "--match", "epochs"], "match"),
    ],
)
def test_misuse_is_one_line(compare, flags, message):
    status, _out, err = compare(*flags)
    assert status == 2
    assert message in err
    assert err.count("\n") == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--folder", "absent"], "no folder absent"),
        (["--experiment", "absent"], "no MLflow database mlflow.db; set --tracking_uri"),
        (["--folder", ".", "--baseline", "base"], "no run of the arm 'base' among full, lim"),
    ],
)
def test_bad_data_is_one_line_and_leaves_no_report(compare, run_folders, tmp_path, flags, message):
    flags = [str(run_folders) if flag == "." else flag for flag in flags]
    status, _out, err = compare(*flags)
    assert status == 1
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_imports_nothing_heavy():
    heavy = {"torch", "lightning", "mlflow", "matplotlib", "pandas", "scipy"}
    code = (
        "import sys; from limr.__main__ import main\n"
        "try: main(['compare', '--help'])\n"
        f"except SystemExit: sys.exit(bool({heavy} & {{*sys.modules}}))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert found.returncode == 0
    assert "--experiment" in found.stdout
