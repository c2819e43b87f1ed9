"""An MLflow server that is killed in the middle of a run, and one that answers no more."""

import json
import socket
import time
from functools import partial
from pathlib import Path

import pytest
from fault_runs import STEPS, Run, appears, fit, pause
from mlflow import MlflowClient
from mlflow_server import free_port, server

from benchmarks.kills import outcome
from limr.training import PPOModule
from limr.training.trainer_facts import steps_done

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def port():
    return free_port()


def silent(port):
    """Accepts connections, into the kernel's queue, and never answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:  # the killed server's last process still has the port
            assert time.monotonic() < deadline
            time.sleep(0.2)


def fit_with_server(folder, port):
    return fit(folder, f"--trainer.logger.init_args.tracking_uri=http://127.0.0.1:{port}")


def test_a_server_that_is_killed_and_comes_back_has_every_metric_in_the_end(
    folder, port, undisturbed
):
    args = fit_with_server(folder, port)
    with server(folder, port):
        run = Run(folder, args, partial(pause, 2, 5))
        appears(folder / "paused-2")
    (folder / "go-on-2").touch()
    appears(folder / "paused-5")
    (waiting,) = (folder / "mlflow-outbox").glob("*.metrics.jsonl")
    assert waiting.read_text()
    with server(folder, port):
        (folder / "go-on-5").touch()
        status, printed = run.wait()
    assert status == 0, printed
    assert not waiting.exists()
    assert outcome(folder) == undisturbed
    assert f"MLflow at http://127.0.0.1:{port} is gone; metrics wait in" in printed
    assert f"MLflow at http://127.0.0.1:{port} is back" in printed


def log_a_file_at_each_step() -> None:
    """Hand MLflow a file as each training step ends, through the run's logger."""

    def on_train_batch_end(self, outputs, batch, batch_idx):
        step = steps_done(self.trainer)
        path = Path(f"step-{step}.json")
        path.write_text(json.dumps({"columns": ["step"], "data": [[step]]}))
        self.trainer.logger.log_file(path, "steps", table=True)

    PPOModule.on_train_batch_end = on_train_batch_end


def log_files_and_pause(*steps: int) -> None:
    log_a_file_at_each_step()
    pause(*steps)


def test_files_that_a_killed_server_could_not_take_are_there_in_the_end(folder, port):
    args = fit_with_server(folder, port)
    with server(folder, port):
        run = Run(folder, args, partial(log_files_and_pause, 2, 5))
        appears(folder / "paused-2")
    (folder / "go-on-2").touch()
    appears(folder / "paused-5")
    (waiting,) = (folder / "mlflow-outbox").glob("*.files.jsonl")
    rows = [json.loads(line)["files"] for line in waiting.read_text().splitlines()]
    waited = [Path(row["path"]).name for row in rows if row["folder"] == "steps"]
    assert waited == [f"step-{n}.json" for n in (2, 3, 4)]
    (folder / "step-3.json").unlink()
    with server(folder, port):
        (folder / "go-on-5").touch()
        status, printed = run.wait()
        client = MlflowClient(f"http://127.0.0.1:{port}")
        experiment = client.get_experiment_by_name("quickstart")
        (found,) = client.search_runs([experiment.experiment_id])
        uploaded = {Path(f.path).name for f in client.list_artifacts(found.info.run_id, "steps")}
        tables = json.loads(found.data.tags["mlflow.loggedArtifacts"])
    assert status == 0, printed
    left = {f"step-{n}.json" for n in range(1, STEPS + 1)} - {"step-3.json"}
    assert uploaded == left
    assert {row["path"] for row in tables} >= {f"steps/{name}" for name in left}
    assert f"{folder}/step-3.json is gone: MLflow's run" in printed
    assert not list((folder / "mlflow-outbox").iterdir())
    assert len(list((folder / "artifacts").rglob("step-*.json"))) == len(left)


def test_a_server_that_answers_no_more_costs_seconds_and_the_metrics_wait(folder, port):
    args = fit_with_server(folder, port)
    with server(folder, port):
        run = Run(folder, args, partial(pause, 2, 4))
        appears(folder / "paused-2")
    with silent(port):
        began = time.monotonic()
        (folder / "go-on-2").touch()
        appears(folder / "paused-4")
        assert time.monotonic() - began < 60  # one attempt: two requests of 10 s
        (folder / "go-on-4").touch()
        status, printed = run.wait()
        assert time.monotonic() - began < 120  # and two at the end: metrics and status
    assert status == 0, printed
    (waiting,) = (folder / "mlflow-outbox").glob("*.metrics.jsonl")
    steps = [json.loads(line)["metrics"][0][3] for line in waiting.read_text().splitlines()]
    assert {1, 2, 3, 4, 5} <= {*steps}
