import pytest
from mlflow import MlflowClient

from limr.report.tracked import track


def runs_of(uri, experiment):
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    return client, client.search_runs([found.experiment_id])


def test_mlflow_gets_one_run(tmp_path, mlflow_uri, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    place = {"uri": mlflow_uri, "experiment": "verbs", "folder": "kept"}
    ids = [
        track("toy", [("toy/x", 2.0, 0), ("toy/x", 3.0, 1)], {"method": "m"}, ["a.txt"], **place)
        for _ in range(2)
    ]
    client, (run, other) = runs_of(mlflow_uri, "verbs")
    assert {run.info.run_id, other.info.run_id} == {*ids}
    assert run.info.status == "FINISHED"
    assert run.data.tags["verb"] == "toy"
    assert run.data.params == {"method": "m"}
    assert run.data.metrics == {"toy/x": 3.0}
    assert [f.path for f in client.list_artifacts(run.info.run_id, "kept")] == ["kept/a.txt"]


def test_a_run_that_cannot_be_logged_is_no_finished_one(tmp_path, mlflow_uri, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = {"uri": mlflow_uri, "experiment": "failures", "folder": "kept"}
    with pytest.raises(Exception, match="absent"):
        track("toy", [], {}, [tmp_path / "absent"], name="named", **place)
    _, (run,) = runs_of(mlflow_uri, "failures")
    assert (run.info.status, run.info.run_name) == ("FAILED", "named")
