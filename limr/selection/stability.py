"""How far a selection can be trusted: against another run, another method, or fewer epochs."""

from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from limr.selection.redraw import rerun_pairs
from limr.selection.scores import Floats
from limr.selection.selectors import Selector
from limr.trajectories.curves import RewardCurves

Rule = Callable[[NDArray[np.str_], Floats], list[str]]
"""From ids and scores to the chosen ids: :func:`limr.selection.choose.choose` with its rule filled
in, as in ``partial(choose, threshold=0.6)``."""


class ExpectedOverlap(NamedTuple):
    """Of two runs' selections."""

    mean: float
    """Over the pairs of runs."""
    low: float
    """2.5 % of the pairs lie below."""
    high: float
    """97.5 % of the pairs lie below."""


class EarlySelection(NamedTuple):
    """A selection from the first epochs against the one from all."""

    epochs: int
    """How many epochs were used."""
    rank_correlation: float
    """Of the two scores, over problems that have both."""
    overlap: float
    """Of the two selections; NaN while fewer problems have a score than the final selection has
    members."""


def overlap(a: Collection[str], b: Collection[str]) -> float:
    r"""Shared ids by mean size, :math:`2 |a \cap b| / (|a| + |b|)`: the share both hold, if equal.

    1 for two empty selections. Also known as Dice's coefficient.

    Example:
        >>> overlap(["a", "b"], ["b", "c"])
        0.5
    """
    return 2 * len({*a} & {*b}) / (len({*a}) + len({*b})) if a or b else 1.0


def jaccard(a: Collection[str], b: Collection[str]) -> float:
    r"""Shared ids by all ids, :math:`|a \cap b| / |a \cup b|`; 1 for two empty selections.

    Example:
        >>> round(jaccard(["a", "b"], ["b", "c"]), 3)
        0.333
    """
    return len({*a} & {*b}) / len({*a} | {*b}) if a or b else 1.0


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's: the correlation of ranks, tied values at their mean rank.

    Args:
        a: ``(N,)`` float.
        b: ``(N,)`` float; only problems whose two scores are no NaN count.

    Returns:
        In [-1, 1], NaN where fewer than two problems count or one side is constant.

    Raises:
        ValueError: If the lengths differ.

    Example:
        >>> rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([3.0, 2.0, 1.0]))
        -1.0
    """
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"scores must be (N,) of one length, got {a.shape} and {b.shape}")
    both = ~np.isnan(a) & ~np.isnan(b)
    ranks = [rankdata(x[both]) - (both.sum() + 1) / 2 for x in (a, b)]
    norm = np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1]))
    return float(ranks[0] @ ranks[1] / norm) if norm else float("nan")


def expected_overlap(
    curves: RewardCurves, selector: Selector, rule: Rule, *, pairs: int = 100, seed: int = 0
) -> ExpectedOverlap:
    """Overlap of the selections of two runs that differ by the luck of sampling alone.

    Args:
        curves: What one run saw; see :func:`limr.selection.redraw.rerun_pairs` for what is made of
            it and why.
        selector: The method.
        rule: How many are chosen.
        pairs: Pairs of runs to simulate.
        seed: Of the simulation.

    Raises:
        ValueError: If an accuracy is no share of its number of responses, or what the method or the
            rule raises.
    """
    rng = np.random.default_rng(seed)
    ids = curves.problem_ids
    overlaps = [
        overlap(*(rule(ids, selector.scores(run)) for run in runs))
        for runs in rerun_pairs(curves, rng, pairs)
    ]
    low, high = np.quantile(overlaps, [0.025, 0.975])
    return ExpectedOverlap(float(np.mean(overlaps)), float(low), float(high))


def early_selections(
    curves: RewardCurves, selector: Selector, rule: Rule
) -> tuple[EarlySelection, ...]:
    """The same selection from the first epoch, the first two and so on: when could one stop?

    Args:
        curves: Of a whole run.
        selector: The method.
        rule: How many are chosen.

    Returns:
        One entry for each number of epochs; the last compares the selection with itself.

    Raises:
        ValueError: What the method or the rule raises.
    """
    final_scores = selector.scores(curves)
    final = rule(curves.problem_ids, final_scores)
    rows = []
    for count, epoch in enumerate(curves.epochs, start=1):
        scores = selector.scores(curves.select_epochs(upto=int(epoch)))
        enough = np.count_nonzero(~np.isnan(scores)) >= len(final)
        chosen = rule(curves.problem_ids, scores) if enough else None
        rows.append(
            EarlySelection(
                epochs=count,
                rank_correlation=rank_correlation(scores, final_scores),
                overlap=float("nan") if chosen is None else overlap(chosen, final),
            )
        )
    return tuple(rows)
