"""What a comparison reads of a run, wherever the run is kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

Series = Mapping[int, float]
"""Values by training step, ascending."""

CURVES = ("reward/score_mean", "response/length")
"""Training metrics that are compared."""
AMOUNTS = ("optimizer_steps", "responses", "tokens", "visits")
"""What a policy has cost besides training steps, logged as ``progress/<name>``."""
RESPONSES = "responses"
"""Folder of a run's evaluation responses, on disk and among its artifacts."""
FIT_FILES = "fit-*.parquet"
"""The responses measured while training; `limr validate` writes others."""
FINISHED = "FINISHED"

_COLUMNS = ("benchmark", "step", "problem_id", "status", "length")


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """One validation of a run on one benchmark, with Q questions."""

    benchmark: str
    step: int
    """Training steps that the policy had had."""
    problem_ids: NDArray[np.str_]
    """(Q,) str, ascending."""
    shares: NDArray[np.float64]
    """(Q,) float64, each question's share of correct samples."""
    length: float
    """Tokens, mean over questions of the mean response length."""
    file: Path
    """The responses."""

    @property
    def accuracy(self) -> float:
        """Mean over the questions."""
        return float(self.shares.mean())


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One training run: an arm under one seed."""

    id: str
    """MLflow's id, or the run's folder."""
    name: str
    arm: str
    seed: str
    """Empty where unknown."""
    status: str
    """As MLflow says; a folder's run is taken to have finished."""
    started: float
    """Milliseconds since 1970, 0 where unknown."""
    measured: Mapping[str, Mapping[int, Measurement]]
    """By benchmark and, ascending, by step."""
    curves: Mapping[str, Series]
    """Some of `CURVES`."""
    progress: Mapping[str, Series]
    """Some of `AMOUNTS`: what the policy at a step has cost."""
    trajectories: str | None
    """Address of its trajectory store, where that is at hand."""

    def amount(self, what: str, step: int) -> float:
        """What the policy at a measured step has cost: training steps or one of `AMOUNTS`.

        Raises:
            ValueError: If the run does not tell.
        """
        if what == "steps":
            return float(step)
        if step not in (series := self.progress.get(what, {})):
            raise ValueError(
                f"run {self.name!r} does not tell its {what} at step {step} (metric "
                f"progress/{what}), so runs cannot be compared at equal {what}; use --match steps"
            )
        return series[step]


class Found(NamedTuple):
    """Runs, and what a reader should know of those that could not be taken."""

    runs: list[Run]
    notes: list[str]


def read_measurements(files: Iterable[Path]) -> dict[str, dict[int, Measurement]]:
    """Measurements by benchmark and, ascending, by step; each file is read once.

    Raises:
        ValueError: If a file is damaged, empty or holds something else.
    """
    by_benchmark: dict[str, dict[int, Measurement]] = {}
    for one in sorted(map(read_measurement, files), key=lambda one: (one.benchmark, one.step)):
        by_benchmark.setdefault(one.benchmark, {})[one.step] = one
    return by_benchmark


def read_measurement(file: Path) -> Measurement:
    """One file of evaluation responses: a validation on one benchmark.

    Raises:
        ValueError: If it is damaged, empty or holds something else.
    """
    table = read_responses(file, _COLUMNS)
    benchmarks, steps = (table.column(name).unique() for name in ("benchmark", "step"))
    if (len(benchmarks), len(steps)) != (1, 1):
        raise ValueError(
            f"{file} holds {len(benchmarks)} benchmarks at {len(steps)} steps, expected one "
            "validation of one benchmark"
        )
    ids, question = np.unique(table.column("problem_id").to_pylist(), return_inverse=True)
    samples = np.bincount(question)
    correct = [status == "correct" for status in table.column("status").to_pylist()]
    lengths = np.bincount(question, table.column("length").to_pylist()) / samples
    return Measurement(
        benchmark=str(benchmarks[0]),
        step=steps[0].as_py(),
        problem_ids=ids,
        shares=np.bincount(question, correct) / samples,
        length=float(lengths.mean()),
        file=file,
    )


def read_responses(file: Path, columns: Iterable[str]) -> pyarrow.Table:
    """Columns of a file of evaluation responses.

    Raises:
        ValueError: If it is damaged or lacks a column, naming the file.
    """
    columns = list(columns)
    try:
        with pyarrow.parquet.ParquetFile(file) as parquet:
            if missing := sorted(set(columns) - set(parquet.schema_arrow.names)):
                raise ValueError(f"{file} holds no evaluation responses: no columns {missing}")
            return parquet.read(columns, use_threads=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{file} is damaged or cannot be read: {error}") from error
