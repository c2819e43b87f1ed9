import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from comparison_toys import response_rows, toy_run, write_responses

from limr.report.runs import read_measurement, read_measurements, read_responses

OUTCOMES = {"b": [True, False], "a": [True, True], "c": [False, False]}


def test_a_file_is_a_measurement(tmp_path):
    file = write_responses(tmp_path, response_rows("easy", 4, OUTCOMES))
    found = read_measurement(file)
    assert (found.benchmark, found.step, found.file) == ("easy", 4, file)
    assert found.problem_ids.tolist() == ["a", "b", "c"]
    assert np.array_equal(found.shares, [1.0, 0.5, 0.0])
    assert found.accuracy == 0.5
    assert found.length == 14.5  # 14 of the first samples, 15 of the second


def test_questions_count_alike_however_many_samples_they_have(tmp_path):
    rows = response_rows("easy", 0, {"a": [True], "b": [False, False, False]})
    found = read_measurement(write_responses(tmp_path, rows))
    assert found.accuracy == 0.5
    assert found.length == np.mean([10, 11])


def test_files_are_sorted_by_benchmark_and_step(tmp_path):
    files = [
        write_responses(tmp_path, response_rows(benchmark, step, OUTCOMES))
        for benchmark in ("hard", "easy")
        for step in (12, 2)
    ]
    found = read_measurements(files)
    assert {name: [*steps] for name, steps in found.items()} == {"easy": [2, 12], "hard": [2, 12]}


def test_what_holds_something_else_is_refused_by_name(tmp_path):
    (tmp_path / "fit-text.parquet").write_text("no table")
    with pytest.raises(ValueError, match=r"fit-text.parquet is damaged or cannot be read"):
        read_measurement(tmp_path / "fit-text.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"step": [1]}), tmp_path / "fit-other.parquet")
    with pytest.raises(ValueError, match=r"fit-other.parquet holds no evaluation .*'benchmark'"):
        read_measurement(tmp_path / "fit-other.parquet")
    rows = response_rows("easy", 1, OUTCOMES) + response_rows("easy", 2, OUTCOMES)
    with pytest.raises(ValueError, match="holds 1 benchmarks at 2 steps"):
        read_measurement(write_responses(tmp_path, rows))


def test_an_empty_file_is_refused(tmp_path):
    file = write_responses(tmp_path, response_rows("easy", 1, OUTCOMES))
    table = read_responses(file, ["benchmark", "step", "problem_id", "status", "length"])
    pyarrow.parquet.write_table(table.slice(0, 0), file)
    with pytest.raises(ValueError, match="holds 0 benchmarks at 0 steps"):
        read_measurement(file)


def test_amounts_by_step():
    run = toy_run("a", {"easy": {0: [0.0], 2: [1.0]}}, tokens={0: 0, 2: 50})
    assert (run.amount("steps", 2), run.amount("tokens", 2)) == (2, 50)
