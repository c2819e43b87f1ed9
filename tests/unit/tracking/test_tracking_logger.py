import fcntl
import logging
import signal
from datetime import datetime, timedelta

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException
from mlflow import MlflowException
from tracking_toys import ToyModule

from limr.tracking import RunLogger
from limr.tracking.logger import alone_with


def status(logger):
    return logger.experiment.get_run(logger.run_id).info.status


def test_a_finished_run_has_one_value_per_step(run_logger, fit):
    fit(run_logger)
    history = run_logger.experiment.get_metric_history(run_logger.run_id, "toy/batch")
    assert [(metric.step, metric.value) for metric in history] == [(i, float(i)) for i in range(5)]
    assert status(run_logger) == "FINISHED"


def test_a_run_that_raised_failed(run_logger, fit):
    with pytest.raises(RuntimeError, match="asked for"):
        fit(run_logger, module=ToyModule(fail_at=3))
    assert status(run_logger) == "FAILED"


def test_a_run_stopped_by_sigterm_was_killed(run_logger, fit):
    with pytest.raises(SIGTERMException):
        fit(run_logger, module=ToyModule(fail_at=3, error=SIGTERMException))
    assert status(run_logger) == "KILLED"


def test_a_run_stopped_by_hand_was_killed(run_logger, fit):
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit):  # Lightning's way out after Ctrl-C
            fit(run_logger, module=ToyModule(fail_at=3, error=KeyboardInterrupt))
    finally:
        signal.signal(signal.SIGINT, before)
    assert status(run_logger) == "KILLED"


def same_store(run_logger, **options):
    return RunLogger(
        experiment_name=run_logger._experiment_name,
        tracking_uri=run_logger._tracking_uri,
        artifact_location=run_logger._artifact_location,
        **options,
    )


def test_a_run_that_goes_on_is_running_again_and_finishes(run_logger, fit):
    with pytest.raises(SIGTERMException):
        fit(run_logger, module=ToyModule(fail_at=3, error=SIGTERMException))
    again = same_store(run_logger)
    again.go_on_with(run_logger.run_id)
    assert again.run_id == run_logger.run_id
    assert status(again) == "RUNNING"
    fit(again)
    assert status(again) == "FINISHED"
    latest = again.experiment.get_run(again.run_id).data.metrics["toy/batch"]
    assert latest == 4.0
    assert len(again.experiment.search_runs([again.experiment_id])) == 1


def test_a_run_that_was_asked_for_has_precedence(run_logger):
    other = same_store(run_logger)
    logger = same_store(run_logger, run_id=other.run_id)
    logger.go_on_with(run_logger.run_id)
    assert logger.run_id == other.run_id != run_logger.run_id


def test_a_run_that_mlflow_does_not_have_is_named(run_logger):
    with pytest.raises(ValueError, match="MLflow has no run 0123abcd in sqlite"):
        run_logger.go_on_with("0123abcd")


def test_runs_of_one_seed_have_names_of_their_own(run_logger):
    name = run_logger.experiment.get_run(run_logger.run_id).info.run_name
    started = datetime.strptime(name, "%Y-%m-%d %H:%M:%S")
    assert abs(datetime.now() - started) < timedelta(minutes=5)


def test_files_go_where_they_were_asked_to(run_logger, tmp_path):
    run_logger.experiment.log_text(run_logger.run_id, "hello", "note.txt")
    (note,) = (tmp_path / "artifacts").rglob("note.txt")
    assert note.read_text() == "hello"


def test_a_server_keeps_files_where_it_likes_and_a_database_beside_it(mlflow_uri):
    assert RunLogger(tracking_uri="http://127.0.0.1:9")._artifact_location is None
    assert RunLogger(tracking_uri=mlflow_uri)._artifact_location == "mlruns"


def history(logger, name):
    found = logger.experiment.get_metric_history(logger.run_id, name)
    return [(metric.step, metric.value) for metric in found]


def test_a_value_that_a_step_has_is_not_sent_again_and_another_is(run_logger):
    for step, value in ((0, 1.0), (0, 1.0), (1, 1.0), (1, 2.0), (1, 1.0), (1, 1.0)):
        run_logger.log_metrics({"x": value}, step)
    assert sorted(history(run_logger, "x")) == [(0, 1.0), (1, 1.0), (1, 1.0), (1, 2.0)]


def test_a_resumed_run_sends_only_what_mlflow_does_not_have(run_logger):
    for step in range(4):
        run_logger.log_metrics({"same": step, "time/s": step}, step)
    again = same_store(run_logger)
    again.go_on_with(run_logger.run_id)
    for step in range(2, 6):
        again.log_metrics({"same": step, "time/s": step + 0.5}, step)
    assert sorted(history(again, "same")) == [(step, float(step)) for step in range(6)]
    assert len(history(again, "time/s")) == 8
    assert again.experiment.get_run(again.run_id).data.metrics["time/s"] == 5.5


def test_a_table_must_be_what_the_ui_shows(run_logger, tmp_path):
    with pytest.raises(ValueError, match=r"tables of \.json files only, not .*x\.parquet"):
        run_logger.log_file(tmp_path / "x.parquet", "responses", table=True)


def artifacts(logger, folder):
    return {file.path for file in logger.experiment.list_artifacts(logger.run_id, folder)}


def test_a_file_waits_for_mlflow_without_holding_metrics_up(run_logger, tmp_path, monkeypatch):
    client, calls = run_logger.experiment, []

    def gone(*args):
        calls.append(args)
        raise MlflowException("connection refused")

    path = tmp_path / "answers.parquet"
    path.write_bytes(b"1")
    with monkeypatch.context() as patch:
        patch.setattr(client, "log_artifact", gone)
        run_logger.log_file(path, "responses")
        run_logger.log_metrics({"x": 1.0}, 0)
        assert history(run_logger, "x") == [(0, 1.0)]
        run_logger.finalize()
    assert len(calls) == 2
    path.write_bytes(b"22")  # what it holds when its turn comes counts
    next_run = same_store(run_logger, outbox=str(tmp_path / "outbox"))
    assert next_run.experiment
    assert artifacts(run_logger, "responses") == {"responses/answers.parquet"}
    (copy,) = (tmp_path / "artifacts").rglob("answers.parquet")
    assert copy.read_bytes() == b"22"
    assert not list((tmp_path / "outbox").iterdir())


def test_a_file_is_not_tried_while_metrics_wait(run_logger, tmp_path, monkeypatch):
    client, calls = run_logger.experiment, []

    def gone(*args, **kwargs):
        calls.append(args)
        raise MlflowException("connection refused")

    path = tmp_path / "answers.parquet"
    path.touch()
    with monkeypatch.context() as patch:
        patch.setattr(client, "log_batch", gone)
        patch.setattr(client, "log_artifact", gone)
        run_logger.log_metrics({"x": 1.0}, 0)
        run_logger.log_file(path, "responses")
    assert len(calls) == 1
    assert run_logger.files.waits
    run_logger.finalize()
    assert artifacts(run_logger, "responses") == {"responses/answers.parquet"}
    assert not list((tmp_path / "outbox").iterdir())


def test_a_waiting_file_that_is_gone_when_its_turn_comes_is_named(run_logger, tmp_path, caplog):
    path = tmp_path / "answers.parquet"
    path.touch()
    run_logger.files.keep(run_logger.run_id, {"path": str(path), "folder": "", "table": False})
    path.unlink()
    with caplog.at_level(logging.WARNING):
        run_logger.log_metrics({"x": 1.0}, 0)
    assert f"{path} is gone: MLflow's run {run_logger.run_id} does not get it" in caplog.text
    assert not run_logger.files.waits


def test_runs_of_a_study_are_children_of_one_finished_parent(run_logger, fit):
    runs = [same_store(run_logger, study="who's best?") for _ in range(2)]
    other = same_store(run_logger, study="another")
    for logger in runs:
        fit(logger)
    client = run_logger.experiment
    first, second, third = (client.get_run(logger.run_id).data.tags for logger in (*runs, other))
    assert first["mlflow.parentRunId"] == second["mlflow.parentRunId"]
    assert first["mlflow.parentRunId"] != third["mlflow.parentRunId"]
    assert first["study"] == "who's best?"
    parent = client.get_run(first["mlflow.parentRunId"])
    assert parent.info.run_name == "who's best?"
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["role"] == "study"
    assert "study" not in client.get_run(run_logger.run_id).data.tags


def test_a_resumed_run_keeps_its_parent(run_logger):
    first = same_store(run_logger, study="one")
    parent = first.experiment.get_run(first.run_id).data.tags["mlflow.parentRunId"]
    again = same_store(run_logger, study="two")
    again.go_on_with(first.run_id)
    tags = again.experiment.get_run(again.run_id).data.tags
    assert (tags["mlflow.parentRunId"], tags["study"]) == (parent, "one")


def test_runs_with_one_outbox_wait_for_each_other_before_a_server_too(tmp_path):
    with alone_with("http://127.0.0.1:9", or_in=tmp_path / "outbox"):
        with (tmp_path / "outbox.lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert not (tmp_path / "outbox").exists()
