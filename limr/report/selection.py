"""A selection in numbers: how many, what it consists of, what its curves look like, how stable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limr.selection import METHODS, Selector, choose
from limr.selection.scores import Floats, divide
from limr.selection.stability import (
    Rule,
    early_selections,
    expected_overlap,
    overlap,
    rank_correlation,
)
from limr.trajectories import RewardCurves

PAIRS = 100
"""Pairs of runs that are simulated for the overlap of two."""
QUANTILES = (0.1, 0.9)
"""The band around a mean curve holds the problems between these."""
_BINS = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """N problems, some of them chosen."""

    problem_ids: NDArray[np.str_]
    """(N,) str."""
    scores: Floats
    """(N,) float64, NaN where a problem could not be scored."""
    chosen: NDArray[np.bool_]
    """(N,) bool."""
    groups: Mapping[str, Sequence[str]]
    """What the problems are divided by, such as ``family``, each with N names."""

    @property
    def chosen_ids(self) -> list[str]:
        """The ids of the chosen, in the problems' order."""
        return [str(identifier) for identifier in self.problem_ids[self.chosen]]


def describe_scores(selection: Selection) -> dict[str, Any]:
    """What scores alone can tell.

    Returns:
        Sizes, the histogram of the scores and what the selection consists of, as JSON takes it.
    """
    chosen, scores = selection.chosen, selection.scores
    scored = ~np.isnan(scores)
    edges = np.histogram_bin_edges(scores[scored], bins=_BINS)
    return {
        "problems": len(scores),
        "scored": int(scored.sum()),
        "chosen": int(chosen.sum()),
        "share": _number(chosen.mean()),
        "lowest_chosen_score": _number(scores[chosen].min()),
        "highest_rejected_score": _number(np.max(scores[scored & ~chosen], initial=-np.inf)),
        "score_histogram": {
            "edges": _numbers(edges),
            "all": np.histogram(scores[scored], edges)[0].tolist(),
            "chosen": np.histogram(scores[chosen], edges)[0].tolist(),
        },
        "composition": {
            name: _composition(values, chosen) for name, values in selection.groups.items()
        },
    }


def describe_curves(
    selection: Selection, curves: RewardCurves, selector: Selector, rule: Rule
) -> dict[str, Any]:
    """What only reward curves can tell.

    Args:
        selection: N problems in the curves' order.
        curves: Their curves.
        selector: What scored them.
        rule: What chose by the scores.

    Returns:
        The curves of the chosen, the rejected and all; the selection by mean accuracy; the other
        methods' selections of the same size; the overlap that two runs would have; and the
        selections from fewer epochs, as JSON takes it.
    """
    chosen = selection.chosen
    seen = curves.samples > 0
    means = divide(
        np.where(seen, curves.accuracy, 0.0).sum(axis=1), seen.sum(axis=1), otherwise=np.nan
    )
    known = ~np.isnan(means)
    parts = {"all": known, "chosen": chosen & known, "rejected": ~chosen & known}
    return {
        "responses": int(curves.samples.sum()),
        "epochs": curves.epochs.tolist(),
        "accuracy_curves": {name: _band(curves.accuracy[rows]) for name, rows in parts.items()},
        "mean_accuracy": {name: _mean(means[rows]) for name, rows in parts.items()},
        "by_mean_accuracy": _composition(_tenths(means), chosen),
        "methods": _methods(selection, curves, selector),
        "two_runs": {"pairs": PAIRS}
        | {
            name: _number(value)
            for name, value in expected_overlap(curves, selector, rule, pairs=PAIRS)
            ._asdict()
            .items()
        },
        "early": [
            {
                "epochs": row.epochs,
                "rank_correlation": _number(row.rank_correlation),
                "overlap": _number(row.overlap),
            }
            for row in early_selections(curves, selector, rule)
        ],
    }


def _composition(names: Sequence[str], chosen: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Per name, in alphabetical order: its problems and how many of them are chosen."""
    labels, index = np.unique(np.array(names, str), return_inverse=True)
    total = np.bincount(index, minlength=len(labels))
    taken = np.bincount(index[chosen], minlength=len(labels))
    return [
        {
            "name": str(label),
            "problems": int(count),
            "chosen": int(part),
            "share": _number(part / count),
        }
        for label, count, part in zip(labels, total, taken, strict=True)
    ]


def _tenths(means: Floats) -> list[str]:
    names = []
    for mean in means.tolist():
        tenth = min(int(mean * 10), 9) if mean == mean else -1
        names.append("not seen" if tenth < 0 else f"{tenth / 10:.1f}-{(tenth + 1) / 10:.1f}")
    return names


def _band(accuracy: Floats) -> dict[str, list[float | None]]:
    """By epoch, over the problems that were seen in it: the mean and the quantiles."""
    columns = [column[~np.isnan(column)] for column in accuracy.T]
    return {
        "mean": [_mean(column) for column in columns],
        **{
            f"q{quantile * 100:.0f}": [
                _number(np.quantile(column, quantile)) if len(column) else None
                for column in columns
            ]
            for quantile in QUANTILES
        },
    }


def _methods(selection: Selection, curves: RewardCurves, selector: Selector) -> dict[str, Any]:
    """Every method's choice of as many problems beside this selection and beside each other."""
    size = int(selection.chosen.sum())
    rule = partial(choose, curves.problem_ids, top_k=size)
    scores = {"this selection": selection.scores}
    choices: dict[str, list[str] | None] = {"this selection": selection.chosen_ids}
    for name, method in METHODS.items():
        if type(selector) is method:
            continue
        scores[name] = method().scores(curves)
        enough = np.count_nonzero(~np.isnan(scores[name])) >= size
        choices[name] = rule(scores[name]) if enough else None
    names = list(choices)
    return {
        "names": names,
        "rank_correlation": [
            _number(rank_correlation(scores[name], selection.scores)) for name in names
        ],
        "overlap": [
            [None if a is None or b is None else _number(overlap(a, b)) for b in choices.values()]
            for a in choices.values()
        ],
    }


def _mean(values: Floats) -> float | None:
    return _number(values.mean()) if len(values) else None


def _number(value: Any) -> float | None:
    """As JSON takes it: what is no finite number is null."""
    return round(float(value), 6) if np.isfinite(value) else None


def _numbers(values: Floats) -> list[float | None]:
    return [_number(value) for value in values]
