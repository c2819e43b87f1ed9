"""What MLflow did not take waits on disk, in order, and arrives once."""

import logging

import pytest
import requests
from mlflow import MlflowException
from tracking_toys import ToyModule

from limr.tracking import RunLogger
from limr.tracking.outbox import Outbox, is_absence


def answer(status):
    response = requests.Response()
    response.status_code = status
    return response


class Server:
    """Keeps what it gets; or is gone."""

    def __init__(self):
        self.gone, self.got, self.calls = False, [], 0

    def take(self, run_id, row):
        self.calls += 1
        if self.gone:
            raise MlflowException("connection refused")
        self.got.append((run_id, row))


@pytest.fixture
def there():
    return Server()


def outbox(folder, server, uri="http://there", content="metrics"):
    return Outbox(folder, uri, content, server.take)


def test_what_waits_arrives_in_order_with_one_line_each_way(tmp_path, there, caplog):
    caplog.set_level(logging.WARNING)
    box = outbox(tmp_path / "out", there)
    box.send("run", 0)
    assert not (tmp_path / "out").exists()
    there.gone = True
    for step in (1, 2, 3):
        box.send("run", step)
    assert there.calls == 2  # the second and third did not wait for an answer
    assert box.waits
    there.gone = False
    assert box.flush("run", now=True)
    box.send("run", 4)
    assert there.got == [("run", step) for step in range(5)]
    assert not list((tmp_path / "out").iterdir())
    first, second = (record.message for record in caplog.records)
    assert "MLflow at http://there is gone; metrics wait in" in first
    assert "is back; the metrics that waited are there" in second


def test_the_next_start_sends_what_an_ended_run_left_but_not_what_a_running_one_keeps(
    tmp_path, there
):
    there.gone = True
    ended, running = (outbox(tmp_path, there) for _ in range(2))
    ended.send("ended", 1)
    running.send("running", 2)
    ended.close()
    there.gone = False
    outbox(tmp_path, there, uri="http://elsewhere").replay_left()
    outbox(tmp_path, there, content="files").replay_left()
    assert there.got == []
    outbox(tmp_path, there).replay_left()
    assert there.got == [("ended", 1)]
    assert [path.name for path in tmp_path.iterdir()] == ["running.metrics.jsonl"]
    running.close()


def refuse(run_id, row):
    raise MlflowException.invalid_parameter_value("no such key")


def test_what_mlflow_refuses_is_raised(tmp_path):
    with pytest.raises(MlflowException, match="no such key"):
        Outbox(tmp_path, "http://there", "metrics", refuse).send("run", 0)
    assert not list(tmp_path.iterdir())


def test_what_mlflow_refuses_later_does_not_keep_other_runs_from_starting(tmp_path, there, caplog):
    there.gone = True
    box = outbox(tmp_path, there)
    box.send("deleted meanwhile", 0)
    box.close()
    Outbox(tmp_path, "http://there", "metrics", refuse).replay_left()
    assert not list(tmp_path.iterdir())
    assert "MLflow refuses a line, which is left out" in caplog.text


@pytest.mark.parametrize(
    ("error", "absent"),
    [
        (MlflowException("connection refused"), True),
        (MlflowException.invalid_parameter_value("no such key"), False),
        (requests.ConnectionError("refused"), True),
        (OSError("no room"), True),
        *((requests.HTTPError(response=answer(status)), status == 503) for status in (403, 503)),
    ],
)
def test_who_failed_decides_whether_to_try_again(error, absent):
    assert is_absence(error) == absent


def test_a_run_goes_on_without_mlflow_and_its_metrics_are_there_afterwards(
    run_logger, fit, tmp_path, monkeypatch
):
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


def test_the_longer_an_attempt_took_the_later_comes_the_next(tmp_path, there, monkeypatch):
    clock = [0.0]

    def slowly(run_id, row):
        clock[0] += 20
        there.take(run_id, row)

    there.gone = True
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    box = Outbox(tmp_path, "http://there", "metrics", slowly)
    box.send("run", 0)
    for later, calls in ((199, 1), (2, 2), (150, 2), (51, 3)):
        clock[0] += later
        box.send("run", 1)
        assert there.calls == calls
    box.close()
