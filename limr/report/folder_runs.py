"""Runs as their folders have them, without MLflow: a sweep's folder of runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from limr.report.runs import FINISHED, FIT_FILES, RESPONSES, Found, Run, Series, read_measurements
from limr.trajectories import StepFiles, read_trajectories

_DEPTHS = ("", "*/", "*/*/")
"""A run's folder is the one that was named, in it, or in a folder in it."""


def read_folder_runs(folder: Path) -> Found:
    """Every run whose folder holds ``responses/fit-*.parquet``.

    Arm and seed come from its ``config.yaml``, curves and progress from its trajectories.

    Raises:
        ValueError: If there is no run, or one holds what cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"no folder {folder}; relative paths start at the working folder")
    places = {
        file.parent.parent
        for depth in _DEPTHS
        for file in folder.glob(f"{depth}{RESPONSES}/{FIT_FILES}")
    }
    if not places:
        raise ValueError(f"no run in {folder}: nothing matches */{RESPONSES}/{FIT_FILES}")
    return Found([_read(place, folder) for place in sorted(places)], [])


def _read(place: Path, root: Path) -> Run:
    name = str(place.relative_to(root)) if place != root else place.resolve().name
    config = _config(place / "config.yaml")
    store = place / "trajectories"
    curves, progress = _training(store) if StepFiles(store).paths() else ({}, {})
    seed = config.get("seed_everything")
    return Run(
        id=str(place),
        name=name,
        arm=_arm(config) or name,
        seed="" if seed is None else str(seed),
        status=FINISHED,
        started=0.0,
        measured=read_measurements((place / RESPONSES).glob(FIT_FILES)),
        curves=curves,
        progress=progress,
        trajectories=str(store) if curves else None,
    )


def _config(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no YAML file: {error}") from error
    return config if isinstance(config, Mapping) else {}


def _arm(config: Mapping[str, Any]) -> str:
    """The tag `arm` of the run's logger, or of the first of several; empty where there is none."""
    loggers = _part(config, "trainer").get("logger")
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        if arm := _part(logger, "init_args", "tags").get("arm"):
            return str(arm)
    return ""


def _part(config: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config if isinstance(config, Mapping) else {}


def _training(store: Path) -> tuple[dict[str, Series], dict[str, Series]]:
    """Training curves and progress by step, from what was recorded of every response.

    No later row tells how many updates the last step took: as many as the one before, it is taken.
    """
    table = read_trajectories(
        store, ["step", "problem_id", "score", "response_length", "policy_version"]
    )
    steps, index, counts = np.unique(
        table.column("step").to_numpy(), return_inverse=True, return_counts=True
    )
    tokens = _sums(index, table.column("response_length"))
    score = _sums(index, table.column("score")) / counts
    versions = np.zeros(len(steps))
    versions[index] = table.column("policy_version").to_numpy()
    ids, problem = np.unique(table.column("problem_id").to_pylist(), return_inverse=True)
    visitors = np.unique(np.stack([index, problem]), axis=1)[0]
    visits = np.bincount(visitors) / (_known_problems(store) or len(ids))
    after = [*steps.tolist(), int(steps[-1]) + 1]
    curves: dict[str, Series] = {
        "reward/score_mean": dict(zip(steps.tolist(), score.tolist(), strict=True)),
        "response/length": dict(zip(steps.tolist(), (tokens / counts).tolist(), strict=True)),
    }
    progress: dict[str, Series] = {
        name: dict(zip(after, [0.0, *np.cumsum(values, dtype=float).tolist()], strict=True))
        for name, values in (("responses", counts), ("tokens", tokens), ("visits", visits))
    }
    if len(steps) > 1:
        last = 2 * versions[-1] - versions[-2]
        progress["optimizer_steps"] = dict(zip(after, [*versions.tolist(), last], strict=True))
    return curves, progress


def _sums(index: NDArray[np.int64], column: Any) -> NDArray[np.float64]:
    return np.bincount(index, column.to_numpy()).astype(np.float64)


def _known_problems(store: Path) -> int:
    """How many problems the run trained on, 0 where that was not recorded."""
    file = store / "_problems.jsonl"
    if not file.is_file():
        return 0
    with file.open("rb") as lines:
        return sum(1 for line in lines if line.strip())
