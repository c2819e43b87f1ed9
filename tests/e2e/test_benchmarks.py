"""`limr validate` on benchmark files: several samples a question, intervals, responses to read."""

import contextlib
import io
import json

import pytest

from limr.__main__ import main

pytestmark = pytest.mark.e2e


def test_validate_measures_a_benchmark_file_with_several_samples(shared_data, tmp_path):
    config = tmp_path / "benchmarks.json"
    config.write_text(
        json.dumps(
            {
                "seed_everything": 1,
                "model": {
                    "class_path": "limr.training.PPOModule",
                    "init_args": {
                        "pretrained": {"name": "embedded:tiny-base"},
                        "sampling": {"max_response_tokens": 8},
                    },
                },
                "data": {
                    "class_path": "limr.data.MathDataModule",
                    "init_args": {
                        "problems": {"class_path": "limr.data.GeneratedProblems"},
                        "benchmarks": {
                            "amc23": {
                                "problems": {
                                    "class_path": "limr.data.FileProblems",
                                    "init_args": {
                                        "path": str(shared_data / "benchmarks/amc23.jsonl"),
                                        "columns": {"id": None, "prompt": "question"},
                                    },
                                },
                                "sampling": {
                                    "temperature": 0.4,
                                    "top_p": 0.95,
                                    "samples_per_prompt": 4,
                                    "max_response_tokens": 8,
                                },
                            }
                        },
                        "eval_batch_size": 20,
                    },
                },
                "trainer": {
                    "accelerator": "cpu",
                    "devices": 1,
                    "logger": False,
                    "default_root_dir": str(tmp_path),
                    "enable_progress_bar": False,
                    "callbacks": [
                        {
                            "class_path": "evaluators.Evaluation",
                            "init_args": {"dirpath": str(tmp_path / "responses")},
                        }
                    ],
                },
            }
        )
    )
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["validate", "--config", str(config)]) == 0

    row = next(line for line in out.getvalue().splitlines() if line.startswith("amc23 "))
    assert row.split()[1] == "40"
    assert "[" in row
    (path,) = (tmp_path / "responses").glob("validate-amc23-*.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 40 * 4
    assert {row["sample"] for row in rows} == {0, 1, 2, 3}
    assert {row["status"] for row in rows} <= {"correct", "wrong", "malformed"}
