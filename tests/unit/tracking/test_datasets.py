"""The problems of a run as MLflow's datasets."""

import json

import pytest

from limr.data import Benchmark, FileProblems, HubProblems, MathDataModule, PlainTemplate
from limr.data.sources import ProblemSource
from limr.tracking.datasets import dataset_inputs
from limr.types import Problem, Sampling


class Given(ProblemSource):
    def __init__(self, n):
        self.n = n
        self.problems = [Problem(id=f"p{i}", prompt=f"{i}+0=", answer=str(i)) for i in range(n)]

    def load(self):
        return self.problems


@pytest.fixture
def connected(tokenizer, tmp_path):
    path = tmp_path / "train set.jsonl"
    rows = ({"id": str(i), "prompt": f"{i}+1=", "answer": str(i + 1)} for i in range(6))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    greedy = Sampling(temperature=0.0)
    data = MathDataModule(
        FileProblems(str(path)),
        benchmarks={
            name: Benchmark(problems=Given(n), sampling=greedy) for name, n in (("a", 2), ("b", 3))
        },
        template=PlainTemplate(),
        num_problems=4,
    )
    data.connect(tokenizer)
    return data


def summary(given):
    tags = {tag.key: tag.value for tag in given.tags}
    profile = json.loads(given.dataset.profile)
    return given.dataset.name, tags["mlflow.data.context"], profile["num_rows"]


def test_a_fit_has_its_training_set_and_benchmarks(connected):
    assert [summary(given) for given in dataset_inputs(connected, "fit")] == [
        ("train set.jsonl", "training", 4),
        ("a", "evaluation", 2),
        ("b", "evaluation", 3),
    ]
    assert [summary(given)[0] for given in dataset_inputs(connected, "validate")] == ["a", "b"]


def test_a_digest_begins_as_the_whole_one_and_tells_sets_apart(connected):
    training, a, b = (given.dataset.digest for given in dataset_inputs(connected, "fit"))
    assert connected.digest().startswith(training)
    assert len({training, a, b}) == 3


def test_mlflow_keeps_them_once(connected, run_logger):
    inputs = dataset_inputs(connected, "fit")
    client, run_id = run_logger.experiment, run_logger.run_id
    for _ in range(2):
        client.log_inputs(run_id, inputs)
    kept = client.get_run(run_id).inputs.dataset_inputs
    assert sorted(map(summary, kept)) == sorted(map(summary, inputs))
    (run,) = client.search_runs([run_logger.experiment_id], "dataset.name = 'train set.jsonl'")
    assert run.info.run_id == run_id


@pytest.mark.parametrize(
    ("source", "kind", "address"),
    [
        (FileProblems("/data/a.jsonl"), "local", {"uri": "/data/a.jsonl"}),
        (FileProblems("https://h/a.jsonl"), "http", {"url": "https://h/a.jsonl"}),
        (FileProblems("s3://bucket/a.jsonl"), "s3", {"uri": "s3://bucket/a.jsonl"}),
        (
            HubProblems("GAIR/LIMR", "train", revision="abc"),
            "hugging_face",
            {"path": "GAIR/LIMR", "config_name": None, "split": "train", "revision": "abc"},
        ),
        (Given(2), "limr", {"class_path": f"{__name__}.Given", "n": 2}),
    ],
)
def test_a_source_says_where_its_problems_are(tokenizer, connected, source, kind, address):
    connected.source = source
    dataset = dataset_inputs(connected, "fit")[0].dataset
    assert (dataset.source_type, json.loads(dataset.source)) == (kind, address)
