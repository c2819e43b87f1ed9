"""A real MLflow server over a folder's database and artifacts, for as long as a test needs it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TIMEOUT_S = 120


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def starting(folder: Path, port: int) -> Iterator[Callable[[], None]]:
    """The server, at work on its start; yields what waits until it answers. In the end it dies.

    Args:
        folder: Has mlflow.db and artifacts, or gets them; what the server prints is in server.txt.
        port: Where it listens, on 127.0.0.1 only.
    """
    command = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}"]
    command += [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", "--workers=1"]
    command += [f"--artifacts-destination={folder}/artifacts"]
    # seven more processes, for work on language models' traces
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    printed = folder / "server.txt"
    with printed.open("a") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip

    def answers() -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not _is_healthy(port):
            assert process.poll() is None, printed.read_text()
            assert time.monotonic() < deadline, printed.read_text()
            time.sleep(0.2)

    try:
        yield answers
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def server(folder: Path, port: int) -> Iterator[None]:
    """The same, ready to answer."""
    with starting(folder, port) as answers:
        answers()
        yield


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return response.status == 200
    except OSError:
        return False
