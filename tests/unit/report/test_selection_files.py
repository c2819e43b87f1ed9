import json

import numpy as np
import pytest
from mlflow import MlflowClient

from limr.report import selection_files
from limr.report.selection import Selection, describe_scores
from limr.report.selection_files import metrics, track, write_report

SELECTION = Selection(
    problem_ids=np.array(["a", "b", "é"]),
    scores=np.array([0.1, np.nan, 0.7]),
    chosen=np.array([False, False, True]),
    groups={},
)
FOUND = {"source": "s", "method": "m", "rule": "r", "notes": []} | describe_scores(SELECTION)
CURVES = {
    "epochs": [0, 1],
    "mean_accuracy": {"all": 0.5, "rejected": None},
    "two_runs": {"mean": 0.8},
    "methods": {"names": ["this selection", "slope"], "overlap": [[1.0, 0.25], [0.25, 1.0]]},
    "early": [
        {"epochs": 1, "rank_correlation": 0.5, "overlap": None},
        {"epochs": 2, "rank_correlation": 1.0, "overlap": 1.0},
    ],
}


def test_the_report_is_written(tmp_path):
    files = write_report(FOUND, SELECTION, tmp_path)
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert json.loads((tmp_path / "report.json").read_text()) == FOUND
    assert (tmp_path / "ids.txt").read_text(encoding="utf-8") == "é\n"
    assert "(scores.svg)" in (tmp_path / "report.md").read_text()
    rows = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert rows == [
        {"id": "a", "score": 0.1, "chosen": False},
        {"id": "b", "score": None, "chosen": False},
        {"id": "é", "score": 0.7, "chosen": True},
    ]


def test_metrics_have_the_epochs_used_as_steps():
    found = {(name, step): value for name, value, step in metrics(FOUND | CURVES)}
    assert found[("select/chosen", 0)] == 1
    assert found[("select/two_runs/mean", 0)] == 0.8
    assert found[("select/overlap/slope", 0)] == 0.25
    assert found[("select/early/rank_correlation", 1)] == 0.5
    assert found[("select/early/overlap", 2)] == 1.0
    assert ("select/early/overlap", 1) not in found
    assert ("select/mean_accuracy/rejected", 0) not in found


def test_mlflow_gets_one_run(tmp_path, mlflow_uri, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(selection_files, "draw_selection", lambda found, folder: [])
    files = write_report(FOUND, SELECTION, tmp_path / "report")
    for _ in range(2):
        track(FOUND, {"method": "m"}, files, uri=mlflow_uri, experiment="selections")
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("selections")
    run, _another = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["verb"] == "select"
    assert run.data.params == {"method": "m"}
    assert run.data.metrics["select/chosen"] == 1
    kept = [file.path for file in client.list_artifacts(run.info.run_id, "selection")]
    names = ["ids.txt", "report.json", "report.md", "scores.jsonl"]
    assert sorted(kept) == [f"selection/{name}" for name in names]


def test_a_run_that_cannot_be_logged_is_no_finished_one(tmp_path, mlflow_uri, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="absent"):
        track(FOUND, {}, [tmp_path / "absent"], uri=mlflow_uri, experiment="failures")
    client = MlflowClient(mlflow_uri)
    experiment = client.get_experiment_by_name("failures")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
