"""Runs on an MLflow server, compared from a machine that has none of their files."""

import contextlib
from pathlib import Path

import pytest
from comparison_toys import log_run
from mlflow import MlflowClient
from mlflow_server import free_port, server

from limr.__main__ import main
from limr.report.mlflow_runs import read_mlflow_runs

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_responses_are_downloaded_and_the_report_is_uploaded(tmp_path, run_folders, capsys):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    (tmp_path / "server").mkdir()
    with server(tmp_path / "server", port), contextlib.chdir(tmp_path):
        client = MlflowClient(uri)
        experiment_id = client.create_experiment("study")
        for arm in ("full", "lim"):
            log_run(client, experiment_id, run_folders / f"{arm}-s1", arm, 1)
        (tmp_path / "downloads").mkdir()
        found = read_mlflow_runs(uri, tmp_path / "downloads", experiment="study")
        files = [one.file for run in found.runs for one in run.measured["easy"].values()]
        assert all(file.is_relative_to(tmp_path / "downloads") for file in files)
        flags = ["--experiment=study", f"--tracking_uri={uri}", "--output=report"]
        assert main(["compare", *flags]) == 0
        out = capsys.readouterr().out
        run_id = out.split("logged: run ")[1].strip()
        kept = {Path(item.path).name for item in client.list_artifacts(run_id, "comparison")}
    assert kept == {path.name for path in (tmp_path / "report").iterdir()}
    assert "View run" not in out.partition("compared with full at 4 steps")[2]


def test_a_server_that_is_away_is_told_at_once(tmp_path, capsys):
    uri = f"http://127.0.0.1:{free_port()}"
    flags = ["--experiment=study", f"--tracking_uri={uri}", f"--output={tmp_path}"]
    assert main(["compare", *flags]) == 1
    assert f"error: MLflow at {uri}: " in capsys.readouterr().err
