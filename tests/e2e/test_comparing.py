"""Two arms really trained, tiny, and compared as a user would, from MLflow and from the folder."""

import contextlib
import csv
import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from limr.__main__ import main

pytestmark = pytest.mark.e2e

QUICKSTART = Path(__file__).parents[2] / "experiments" / "quickstart.yaml"
QUESTIONS = 8


def generated(split, size):
    init_args = {"split": split, "size": size, "seed": 1}
    return {"class_path": "limr.data.GeneratedProblems", "init_args": init_args}


SMALL = {
    "model": {
        "init_args": {
            "sampling": {"samples_per_prompt": 4},
            "ppo": {"minibatch_size": 16, "micro_batch_size": 16},
        }
    },
    "data": {
        "init_args": {
            "problems": generated("train", 16),
            "benchmarks": {
                name: {
                    "problems": generated(name, QUESTIONS),
                    "sampling": {"temperature": 0.0, "max_response_tokens": 32},
                }
                for name in ("validation", "unseen")
            },
            "rollout_batch_size": 8,
        }
    },
    "trainer": {"max_epochs": 2},
}


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A folder with MLflow's database and two runs: all 16 problems, and 8 of them."""
    root = tmp_path_factory.mktemp("study")
    (root / "small.yaml").write_text(json.dumps(SMALL))
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(root):
        patch.setenv("PL_GLOBAL_SEED", "0")  # restored afterwards: the runs set it
        for arm, problems in (("full", 16), ("random", 8)):
            flags = [
                f"--trainer.default_root_dir=runs/{arm}",
                f"--data.init_args.num_problems={problems}",
                f"--trainer.logger.init_args.tags={{arm: {arm}}}",
                f"--trainer.logger.init_args.run_name={arm}",
            ]
            assert main(["fit", "-c", str(QUICKSTART), "-c", "small.yaml", *flags]) == 0
    return root


def compare(root, capsys, *flags):
    capsys.readouterr()
    with contextlib.chdir(root):
        assert main(["compare", *flags]) == 0
    out, err = capsys.readouterr()
    return out, err


def test_what_the_runs_logged_is_what_is_compared(studied, capsys):
    out, err = compare(studied, capsys, "--experiment=quickstart", "--output=report")
    assert err == ""
    assert out.startswith("compared with full at 2 steps, the most that every run reaches")
    client = MlflowClient(f"sqlite:///{studied / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("quickstart")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    with (studied / "report/runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["arm"], row["step"]) for row in rows} >= {("full", "0"), ("full", "4")}
    for row in rows:
        history = client.get_metric_history(row["run_id"], f"val/{row['benchmark']}/accuracy")
        logged = {metric.step: metric.value for metric in history}
        assert float(row["accuracy"]) == pytest.approx(logged[int(row["step"])])
        assert int(row["questions"]) == QUESTIONS
    last = [row for row in rows if (row["arm"], row["step"]) == ("random", "2")]
    assert {row["responses"] for row in last} == {str(2 * 8 * 4.0)}
    assert {row["visits"] for row in last} == {"2.0"}
    assert runs["compare"].data.tags["verb"] == "compare"


def test_at_equal_visits_the_full_run_has_had_twice_the_steps(studied, capsys):
    flags = ("--experiment=quickstart", "--match=visits", "--no_log", "--output=visits")
    out, _err = compare(studied, capsys, *flags)
    assert out.startswith("compared with full at 2 visits")
    with (studied / "visits/runs.csv").open(newline="") as file:
        compared = [row for row in csv.DictReader(file) if row["compared"] == "1"]
    assert {(row["arm"], row["step"]) for row in compared} == {("full", "4"), ("random", "2")}


def test_the_folder_tells_what_mlflow_tells(studied, capsys):
    outs, kept = [], []
    for flags in (("--experiment=quickstart", "--no_log"), ("--folder=runs",)):
        outs.append(compare(studied, capsys, *flags, "--output=same")[0])
        with (studied / "same/runs.csv").open(newline="") as file:
            kept.append([{**row, "run_id": ""} for row in csv.DictReader(file)])
    assert outs[0] == outs[1]
    assert kept[0] == kept[1]
