import json

import fsspec
import pyarrow.parquet
import pytest

from limr.tables import Columns, read_problem_rows
from limr.trajectories import (
    TrajectoryWriter,
    problems_file,
    read_trajectories,
    recorded_run,
    write_problems,
)
from limr.types import Problem

PROBLEMS = [
    Problem(id="a/1", prompt="Line\u2028one\ntwo", answer="\\frac12", family="f", level="5"),
    Problem(id="中", prompt="half a pair \ud800", answer="", solution="left out"),
]


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    yield str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    memory = fsspec.filesystem("memory")
    if memory.exists(tmp_path.name):
        memory.rm(tmp_path.name, recursive=True)


def test_every_problem_comes_back(store):
    assert problems_file(store) is None
    write_problems(store, [Problem(id="old", prompt="?", answer="1")])
    write_problems(store, PROBLEMS)
    problems = read_problem_rows(problems_file(store), Columns())
    fields = ("id", "prompt", "answer", "family", "level")
    assert [dict(row.row) for row in problems] == [
        {name: getattr(problem, name) for name in fields} for problem in PROBLEMS
    ]
    assert [row.id for row in problems] == ["a/1", "中"]


def test_the_rows_are_read_as_without_it(store):
    writer = TrajectoryWriter(store, "run")
    writer.append([], epoch=0, step=0, rank=0)
    before = writer.files.paths()
    write_problems(store, PROBLEMS)
    assert writer.files.paths() == before
    assert recorded_run(store) is None
    assert read_trajectories(store).num_rows == 0
    assert writer.discard_from(0) == 1
    assert problems_file(store) is not None


def test_other_tools_pass_over_it(tmp_path):
    TrajectoryWriter(tmp_path, "run").append([], epoch=0, step=0, rank=0)
    write_problems(tmp_path, PROBLEMS)
    assert pyarrow.parquet.read_table(tmp_path).num_rows == 0
    lines = (tmp_path / "_problems.jsonl").read_text().split("\n")
    assert [json.loads(line)["id"] for line in lines if line] == ["a/1", "中"]
