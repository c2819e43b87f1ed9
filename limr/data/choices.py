"""What a resampled run chose for each epoch, and its reward curves read with that in mind."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from limr.data.loaders import hashed_order
from limr.files import whole_file
from limr.selection.stability import overlap
from limr.trajectories import RewardCurves

Selection = tuple[int, list[str]]
"""The epoch from which it holds, and the selected problems' ids."""


@dataclass(frozen=True, kw_only=True)
class EpochChoice:
    """One epoch's problems."""

    selected: list[str]
    """By their scores."""
    explored: list[str]
    """Of the others, those that are revisited."""
    scores: dict[str, float] | None = None
    """Every problem's, NaN where it has none, when the selection was made for this epoch."""


def population_curves(
    curves: RewardCurves, ids: Sequence[str], history: Sequence[Selection]
) -> RewardCurves:
    """Curves of all the run's problems, weighted so that averages are those of all of them.

    From its first selection on, a run sees mostly selected problems. In each epoch the problems
    seen stand for those of their kind: s of S selected ones count S/s each, and u of U others,
    taken without regard to their rewards, U/u each (inverse-probability weights).

    Args:
        curves: Of the problems that the run has visited; rows of other problems are left out.
        ids: All problems, ascending.
        history: The selections, in the order of their epochs.

    Returns:
        Curves of `ids`, with weights.
    """
    population = curves.of_problems(ids)
    weights = np.ones(population.accuracy.shape)
    for since, selected in history:
        is_selected = np.isin(population.problem_ids, selected)
        for column in np.flatnonzero(curves.epochs >= since):
            for group in (is_selected, ~is_selected):
                seen = int(np.count_nonzero(group & (population.samples[:, column] > 0)))
                weights[group, column] = np.count_nonzero(group) / max(1, seen)
    return replace(population, weights=weights)


def turn(ids: Sequence[str], count: int, epoch: int, seed: int) -> list[str]:
    """The next `count` ids in a random order fixed by `seed`, each epoch going on where one ended.

    Example:
        >>> epochs = [turn(["a", "b", "c", "d"], 2, epoch, seed=1) for epoch in (0, 1)]
        >>> sorted(epochs[0] + epochs[1])
        ['a', 'b', 'c', 'd']
    """
    order = hashed_order(ids, "explore", seed)
    start = epoch * count % max(1, len(order))
    return sorted([*order, *order][start : start + count])


def choice_metrics(choice: EpochChoice, previous: Sequence[str] | None) -> dict[str, float]:
    """A choice in numbers, by their logged names.

    Args:
        choice: The epoch's.
        previous: The selection before it, None for the first.
    """
    metrics: dict[str, float] = {
        "data/problems": len(choice.selected) + len(choice.explored),
        "data/selected": len(choice.selected),
        "data/explored": len(choice.explored),
    }
    if choice.scores is not None:
        metrics["data/lowest_score"] = min(choice.scores[i] for i in choice.selected)
        if previous is not None:
            metrics["data/overlap"] = overlap(choice.selected, previous)
    return metrics


def write_choice(folder: Path, epoch: int, choice: EpochChoice) -> None:
    """Write an epoch's choice, and remove those of later epochs, which a resumed run makes anew."""
    for path in folder.glob("epoch-*.json"):
        if int(path.stem.removeprefix("epoch-")) > epoch:
            path.unlink()
    content: dict[str, Any] = {
        "epoch": epoch, "selected": choice.selected, "explored": choice.explored
    }  # fmt: skip
    if choice.scores is not None:
        content["scores"] = {i: None if math.isnan(s) else s for i, s in choice.scores.items()}
    with whole_file(folder / f"epoch-{epoch:04d}.json") as file:
        json.dump(content, file, indent=1)
