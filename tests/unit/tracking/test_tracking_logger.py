import signal
from datetime import datetime, timedelta

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException
from tracking_toys import ToyModule


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


def test_runs_of_one_seed_have_names_of_their_own(run_logger):
    name = run_logger.experiment.get_run(run_logger.run_id).info.run_name
    started = datetime.strptime(name, "%Y-%m-%d %H:%M:%S")
    assert abs(datetime.now() - started) < timedelta(minutes=5)


def test_files_go_where_they_were_asked_to(run_logger, tmp_path):
    run_logger.experiment.log_text(run_logger.run_id, "hello", "note.txt")
    (note,) = (tmp_path / "artifacts").rglob("note.txt")
    assert note.read_text() == "hello"
