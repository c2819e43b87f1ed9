"""An MLflow server that is killed in the middle of a run, and one that answers no more."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from functools import partial

import pytest
from fault_runs import Run, appears, fit, pause

from benchmarks.kills import outcome

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(folder, port):
    """A real one over the folder's database; killed with all its processes in the end."""
    command = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"]
    command += [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", "--workers=1"]
    command += [f"--artifacts-destination={folder}/artifacts"]
    with (folder / "server.txt").open("a") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=printed, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not answers(port):
            assert process.poll() is None, (folder / "server.txt").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


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
    (waiting,) = (folder / "mlflow-outbox").iterdir()
    assert waiting.read_text()
    with server(folder, port):
        (folder / "go-on-5").touch()
        status, printed = run.wait()
    assert status == 0, printed
    assert not waiting.exists()
    assert outcome(folder) == undisturbed
    assert f"MLflow at http://127.0.0.1:{port} is gone; metrics wait in" in printed
    assert f"MLflow at http://127.0.0.1:{port} is back" in printed


def test_a_server_that_answers_no_more_costs_seconds_and_the_metrics_wait(folder, port):
    args = fit_with_server(folder, port)
    with server(folder, port):
        run = Run(folder, args, partial(pause, 2, 4))
        appears(folder / "paused-2")
    with silent(port):
        began = time.monotonic()
        (folder / "go-on-2").touch()
        appears(folder / "paused-4")
        two_steps = time.monotonic() - began
        (folder / "go-on-4").touch()
        status, printed = run.wait()
        the_rest = time.monotonic() - began - two_steps
    print("MEASURED", two_steps, the_rest)
    assert status == 0, printed
    (waiting,) = (folder / "mlflow-outbox").iterdir()
    assert json.loads(waiting.read_text().splitlines()[0])["metrics"]
