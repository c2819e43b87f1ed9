"""From scores to a set of problems."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limr.allocation import shares
from limr.selection.scores import Floats, random_scores

_TIES = 0
"""Seed of the order among equal scores."""


def choose(
    problem_ids: Sequence[str] | NDArray[np.str_],
    scores: Floats,
    *,
    threshold: float | None = None,
    top_k: int | None = None,
    fraction: float | None = None,
    strict: bool = False,
    groups: Sequence[str] | None = None,
) -> list[str]:
    """The ids of the chosen problems, best score first, equal scores in random order.

    That order depends on the ids alone, by a hash: the alphabet would favour some families, whose
    names ids often begin with, and a pass rate of few samples gives many problems the same score.

    Exactly one of `threshold`, `top_k` and `fraction` decides how many.

    Args:
        problem_ids: N distinct ids.
        scores: ``(N,)`` float; NaN is never chosen.
        threshold: All from this score on. LIMR's released code reads its 0.6 so; the paper's text
            says above (`strict`).
        top_k: This many.
        fraction: This share of all N problems, in [0, 1], rounded to a whole number of them.
        strict: Whether a score equal to the threshold is left out.
        groups: Each problem's family, level or the like. `top_k` and `fraction` are then shared
            out among the groups by the number of problems with a score, largest remainders first
            and ties to the group first in the alphabet; a threshold is the same for all.

    Raises:
        ValueError: If the lengths differ, an id repeats, not exactly one rule is given, a rule is
            out of range, or it asks for more problems than have a score.

    Example:
        >>> choose(["a", "b", "c"], np.array([0.6, np.nan, 0.9]), threshold=0.6)
        ['c', 'a']
    """
    ids = [str(identifier) for identifier in problem_ids]
    scores = np.asarray(scores, dtype=np.float64)
    _check_lengths(ids, scores, groups)
    ranked = np.lexsort((random_scores(ids, _TIES), -scores))[: np.count_nonzero(~np.isnan(scores))]

    rules = {"threshold": threshold, "top_k": top_k, "fraction": fraction}
    given = [name for name, value in rules.items() if value is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of threshold, top_k and fraction, got {given or None}")
    if threshold is not None:
        if np.isnan(threshold):
            raise ValueError(f"threshold must be a number, got {threshold}")
        passed = scores > threshold if strict else scores >= threshold
        return [ids[i] for i in ranked if passed[i]]
    if strict:
        raise ValueError("strict is about the threshold's edge; top_k and fraction have none")

    size = _size(top_k, fraction, len(ids))
    if size > len(ranked):
        raise ValueError(
            f"{given[0]} asks for {size} problems, but only {len(ranked)} of {len(ids)} have a "
            "score; ask for fewer, or choose a rule that scores more of them (missing: ignore)"
        )
    if groups is not None:
        return [ids[i] for i in _stratified(ranked, groups, size)]
    return [ids[i] for i in ranked[:size]]


def _check_lengths(ids: Sequence[str], scores: Floats, groups: Sequence[str] | None) -> None:
    if scores.shape != (len(ids),) or (groups is not None and len(groups) != len(ids)):
        found = "" if groups is None else f" and {len(groups)} groups"
        raise ValueError(f"{len(ids)} problem_ids need one score each, got {scores.shape}{found}")
    if len({*ids}) < len(ids):
        repeated = Counter(ids).most_common(1)[0][0]
        raise ValueError(f"problem_ids must be distinct; {repeated!r} occurs twice")


def _size(top_k: int | None, fraction: float | None, problems: int) -> int:
    if top_k is not None:
        if top_k < 0:
            raise ValueError(f"top_k must be >= 0, got {top_k}")
        return top_k
    if fraction is None or not 0 <= fraction <= 1:
        raise ValueError(f"fraction must be in [0, 1], got {fraction}")
    return round(fraction * problems)


def _stratified(ranked: NDArray[np.intp], groups: Sequence[str], size: int) -> list[int]:
    """The best of each group, as many as is its share of the ranked problems, still ranked."""
    eligible = Counter(groups[i] for i in ranked)
    if not eligible:
        return []
    left = shares(dict(sorted(eligible.items())), size)
    chosen = []
    for i in ranked.tolist():
        if left[groups[i]]:
            left[groups[i]] -= 1
            chosen.append(i)
    return chosen
