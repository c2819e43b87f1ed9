"""What MLflow did not take waits on disk, in order, and arrives once."""

import logging

import pytest
from mlflow import MlflowException
from mlflow.entities import Metric
from tracking_toys import ToyModule

from limr.tracking import RunLogger
from limr.tracking.outbox import Outbox


class Client:
    """Keeps what it gets, as MLflow does: a value of one key, time and step once."""

    def __init__(self):
        self.gone, self.got, self.calls = False, [], 0

    def log_batch(self, run_id, metrics):
        self.calls += 1
        if self.gone:
            raise MlflowException("connection refused")
        self.got += [(run_id, m.key, m.value, m.step) for m in metrics]


def metric(step):
    return [Metric("loss", step / 2, 1000 + step, step)]


@pytest.fixture
def client():
    return Client()


def test_metrics_wait_and_arrive_in_order_with_one_line_each_way(tmp_path, client, caplog):
    caplog.set_level(logging.WARNING)
    outbox = Outbox(tmp_path / "out", client, "http://there")
    outbox.send("run", metric(0))
    assert not (tmp_path / "out").exists()
    client.gone = True
    for step in (1, 2, 3):
        outbox.send("run", metric(step))
    assert client.calls == 2  # the second and third did not wait for an answer
    client.gone = False
    assert outbox.flush("run", now=True)
    outbox.send("run", metric(4))
    assert client.got == [("run", "loss", step / 2, step) for step in range(5)]
    assert not list((tmp_path / "out").iterdir())
    first, second = (record.message for record in caplog.records)
    assert "MLflow at http://there is gone; metrics wait in" in first
    assert "is back" in second


def test_the_next_start_sends_what_an_ended_run_left_but_not_what_a_running_one_keeps(
    tmp_path, client
):
    client.gone = True
    ended, running = (Outbox(tmp_path, client, "http://there") for _ in range(2))
    ended.send("ended", metric(1))
    running.send("running", metric(2))
    ended.close()
    client.gone = False
    Outbox(tmp_path, client, "http://elsewhere").replay_left()
    assert client.got == []
    Outbox(tmp_path, client, "http://there").replay_left()
    assert client.got == [("ended", "loss", 0.5, 1)]
    assert [path.name for path in tmp_path.iterdir()] == ["running.jsonl"]
    running.close()


def test_what_mlflow_refuses_is_raised(tmp_path, client):
    def refuse(run_id, metrics):
        raise MlflowException.invalid_parameter_value("no such key")

    client.log_batch = refuse
    with pytest.raises(MlflowException, match="no such key"):
        Outbox(tmp_path, client, "http://there").send("run", metric(0))
    assert not list(tmp_path.iterdir())


def test_a_run_goes_on_without_mlflow_and_its_metrics_are_there_afterwards(
    run_logger, fit, tmp_path, monkeypatch
):
    run_logger.outbox.folder = tmp_path / "outbox"
    client = run_logger.experiment
    log_batch = client.log_batch

    def gone(*args, **kwargs):
        raise MlflowException("connection refused")

    class Cut(ToyModule):
        def training_step(self, batch, batch_idx):
            monkeypatch.setattr(client, "log_batch", log_batch if batch_idx == 4 else gone)
            return super().training_step(batch, batch_idx)

    fit(run_logger, module=Cut())
    history = client.get_metric_history(run_logger.run_id, "toy/batch")
    assert [(m.step, m.value) for m in history] == [(i, float(i)) for i in range(5)]


def test_a_server_that_is_absent_at_the_start_is_named(fit, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ValueError, match=r"MLflow at http://127\.0\.0\.1:9 does not answer"):
        fit(RunLogger(tracking_uri="http://127.0.0.1:9"))


def test_the_longer_an_attempt_took_the_later_comes_the_next(tmp_path, client, monkeypatch):
    clock, log_batch = [0.0], client.log_batch

    def slowly(run_id, metrics):
        clock[0] += 20
        log_batch(run_id, metrics)

    client.log_batch = slowly
    client.gone = True
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    outbox = Outbox(tmp_path, client, "http://there")
    outbox.send("run", metric(0))
    for later, calls in ((199, 1), (2, 2), (150, 2), (51, 3)):
        clock[0] += later
        outbox.send("run", metric(1))
        assert client.calls == calls
    outbox.close()
