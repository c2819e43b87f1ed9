"""What docs/trajectories.md says of schema, speed and queries."""

import ast
import inspect
import json
import re
from pathlib import Path

import duckdb
import pandas
import polars
import pytest
import yaml

from benchmarks.trajectories import markdown
from limr.training import TrajectoryRecorder
from limr.trajectories import SCHEMA, TrajectoryRow, TrajectoryWriter, write_problems
from limr.types import Problem

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "trajectories.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"```(?:sql|python)\n(.*?)```", TEXT.partition("## Questions and queries")[2], re.S
)
SETUP, QUESTIONS = BLOCKS[:3], [BLOCKS[i : i + 3] for i in range(3, len(BLOCKS), 3)]

EXPECTED = [
    [("a", 0, 0.5), ("a", 1, 1.0), ("b", 0, 0.0), ("b", 1, 0.0)],
    [("b",)],
    [(0, 0.25), (1, 0.5)],
    [("a", 0, 1, 40, "a 0 1"), ("b", 0, 0, 50, "b 0 0"), ("b", 1, 1, 60, "b 1 1")],
    [("a", "7", 1), ("b", "8", 2), ("b", "9", 1)],
    [("algebra", 0, 0.5), ("algebra", 1, 1.0), ("geometry", 0, 0.0), ("geometry", 1, 0.0)],
]


@pytest.fixture
def responses(tmp_path, monkeypatch):
    """Two problems, two epochs, two samples each, where the queries look for them."""
    # problem, epoch, sample, status, length, answer; truncated from 50 tokens on
    table = [
        ("a", 0, 0, "correct", 10, "1"),
        ("a", 0, 1, "wrong", 40, "7"),
        ("b", 0, 0, "malformed", 50, None),
        ("b", 0, 1, "wrong", 20, "8"),
        ("a", 1, 0, "correct", 11, "1"),
        ("a", 1, 1, "correct", 12, "1"),
        ("b", 1, 0, "wrong", 30, "9"),
        ("b", 1, 1, "wrong", 60, "8"),
    ]
    writer = TrajectoryWriter(tmp_path / "runs/full/trajectories", "run")
    for step in (0, 1):
        rows = [
            TrajectoryRow(
                problem_id=problem,
                sample=sample,
                score=float(status == "correct"),
                status=status,
                response_length=length,
                truncated=length >= 50 or (problem, epoch, sample) == ("b", 1, 0),
                policy_version=0,
                answer=answer,
                response=f"{problem} {epoch} {sample}",
            )
            for problem, epoch, sample, status, length, answer in table
            if epoch == step
        ]
        writer.append(rows, epoch=step, step=step, rank=0)
    families = {"a": "algebra", "b": "geometry"}
    problems = [Problem(id=i, prompt="?", answer="1", family=f) for i, f in families.items()]
    write_problems(tmp_path / "runs/full/trajectories", problems)
    monkeypatch.chdir(tmp_path)


def value_of(setup, block):
    """The value of the block's last expression."""
    names = {}
    exec(setup, names)
    *statements, last = ast.parse(block).body
    exec(compile(ast.Module(statements, []), "docs/trajectories.md", "exec"), names)
    return eval(compile(ast.Expression(last.value), "docs/trajectories.md", "eval"), names)


def rows_of_frame(frame):
    if isinstance(frame, polars.DataFrame):
        return frame.rows()
    if isinstance(frame, pandas.Series):
        return [
            (*(key if isinstance(key, tuple) else (key,)), value) for key, value in frame.items()
        ]
    return list(frame.itertuples(index=False, name=None))


@pytest.mark.parametrize(("question", "expected"), [*zip(QUESTIONS, EXPECTED, strict=True)])
def test_every_query_gives_what_is_counted_by_hand(responses, question, expected):
    sql, in_pandas, in_polars = question
    with duckdb.connect() as connection:
        connection.execute(SETUP[0])
        assert sorted(connection.execute(sql).fetchall()) == expected
    assert sorted(rows_of_frame(value_of(SETUP[1], in_pandas))) == expected
    assert sorted(rows_of_frame(value_of(SETUP[2], in_polars))) == expected


def test_the_curves_example_runs(responses):
    block = next(text for text in re.findall(r"```python\n(.*?)```", TEXT, re.S))
    names = {}
    exec(block, names)
    assert names["hardest"].tolist() == ["b"]
    assert names["first_two"].accuracy.tolist() == [[0.5, 1.0], [0.0, 0.0]]


def test_the_recorder_takes_the_documented_arguments():
    (callback,) = yaml.safe_load(re.search(r"```yaml\n(.*?)```", TEXT, re.S)[1])
    assert callback["class_path"] == "limr.training.TrajectoryRecorder"
    parameters = inspect.signature(TrajectoryRecorder).parameters
    assert [*callback["init_args"]] == [*parameters]


def test_the_schema_is_the_documented_one():
    rows = re.findall(r"^\| `(\w+)` \| (\w+)(, may be null)? \|", TEXT, re.M)
    documented = [(name, kind, bool(nullable)) for name, kind, nullable in rows]
    kinds = {"float": "float32"}
    assert documented == [
        (field.name, kinds.get(str(field.type), str(field.type)), field.nullable)
        for field in SCHEMA
    ]


def test_the_speed_is_the_measured_one():
    results = (ROOT / "benchmarks/results/trajectories.json").read_text(encoding="utf-8")
    begin, end = "<!-- benchmarks/results/trajectories.json -->\n", "<!-- end -->"
    assert TEXT.partition(begin)[2].partition(end)[0] == markdown(json.loads(results))
