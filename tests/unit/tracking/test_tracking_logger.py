import signal
from datetime import datetime, timedelta

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException
from tracking_toys import ToyModule

from limr.tracking import RunLogger


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
