"""The problems that a run trains on and is measured on, as MLflow's datasets."""

import json
from collections.abc import Sequence
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from limr.data import FileProblems, HubProblems, MathDataModule, ProblemSource
from limr.data.benchmarks import problems_digest
from limr.types import Problem

_DIGEST = 12
"""Characters of a digest that MLflow's table shows; it allows 36, `data.digest` has all 64."""


def dataset_inputs(data: MathDataModule, verb: str) -> list[DatasetInput]:
    """The training set, where the verb trains, and each benchmark.

    Args:
        data: Set up for the verb.
        verb: `fit` or `validate`.
    """
    inputs = []
    if verb == "fit" and data.source is not None:
        inputs.append(_input(_name(data.source), data.source, data.problems, "training"))
    for name, benchmark in data.benchmarks.items():
        problems = data.benchmarks.problems(name)
        inputs.append(_input(name, benchmark.problems, problems, "evaluation"))
    return inputs


def _input(
    name: str, source: ProblemSource, problems: Sequence[Problem], context: str
) -> DatasetInput:
    kind, address = _address(source)
    dataset = Dataset(
        name=name,
        digest=problems_digest(problems)[:_DIGEST],
        source_type=kind,
        source=json.dumps(address),
        profile=json.dumps({"num_rows": len(problems)}),
    )
    return DatasetInput(dataset, tags=[InputTag(MLFLOW_DATASET_CONTEXT, context)])


def _name(source: ProblemSource) -> str:
    if isinstance(source, FileProblems):
        return source.path.rsplit("/", maxsplit=1)[-1]
    return source.name if isinstance(source, HubProblems) else type(source).__name__


def _address(source: ProblemSource) -> tuple[str, dict[str, object]]:
    """The kind of source, in MLflow's words where it has one, and where the problems are."""
    if isinstance(source, HubProblems):
        revision = {"split": source.split, "revision": source.revision}
        return "hugging_face", {"path": source.name, "config_name": source.config, **revision}
    if not isinstance(source, FileProblems):
        kind = type(source)
        plain = {k: v for k, v in vars(source).items() if isinstance(v, str | int | float)}
        return "limr", {"class_path": f"{kind.__module__}.{kind.__qualname__}", **plain}
    scheme, separator, _ = source.path.partition("://")
    if not separator:
        return "local", {"uri": str(Path(source.path).resolve())}
    if scheme in ("http", "https"):
        return "http", {"url": source.path}
    return scheme, {"uri": source.path}
