"""The mistakes that end `limr browse` before it serves anything."""

import json

import pytest

from limr.browse.server import listen
from limr.trajectories import TrajectoryRow, TrajectoryWriter


@pytest.fixture
def store(tmp_path):
    row = TrajectoryRow(
        problem_id="p",
        sample=0,
        score=1.0,
        status="correct",
        response_length=1,
        truncated=False,
        policy_version=0,
        answer=None,
        response=None,
    )
    TrajectoryWriter(tmp_path / "store", "run").append([row], epoch=0, step=0, rank=0)
    return str(tmp_path / "store")


def test_what_is_no_store_is_named(limr, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, message in (("absent", "there is no such folder"), ("empty", "holds no trajector")):
        status, out, error = limr("browse", name, "--port", "0")
        assert (status, out, error.count("\n")) == (1, "", 1)
        assert error.startswith("error: file://")
        assert f"/{name} holds no trajectories" in error
        assert message in error


def test_a_damaged_file_is_named(limr, store, tmp_path):
    (tmp_path / "store" / "step-00000001-rank-00000.parquet").write_bytes(b"PAR1")
    status, _, error = limr("browse", store, "--port", "0")
    assert (status, error.count("\n")) == (1, 1)
    assert "step-00000001-rank-00000.parquet is damaged" in error


def test_a_port_in_use_is_named(limr, store):
    with listen(0) as listener:
        port = listener.getsockname()[1]
        status, _, error = limr("browse", store, "--port", str(port))
    assert (status, error) == (
        1,
        f"error: port {port} is in use; name another by --port (0 takes any that is free)\n",
    )


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_is_refused(limr, store, port):
    status, _, error = limr("browse", store, f"--port={port}")
    assert status == 2
    assert error.startswith("error: ")
    assert "port" in error


def test_a_problem_file_that_does_not_fit_is_named(limr, store, tmp_path):
    (tmp_path / "other.jsonl").write_text(json.dumps({"id": "x", "prompt": "?"}) + "\n")
    for name, message in (
        ("other.jsonl", "has none of the problems"),
        ("absent.jsonl", "no file absent.jsonl"),
    ):
        status, _, error = limr("browse", store, "--port", "0", "--problems", name)
        assert (status, error.count("\n")) == (1, 1)
        assert message in error


def test_a_misspelt_option_is_named(limr, store):
    status, _, error = limr("browse", store, "--prot", "1")
    assert status == 2
    assert "--prot" in error
