"""Which problems a person asks for, and in which order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limr.browse.snapshot import Snapshot
from limr.selection.scores import Floats

PER_PAGE = 50

SORTS: dict[str, str] = {
    "score": "LIM score",
    "reward": "mean reward",
    "accuracy": "last accuracy",
    "visits": "visits",
    "id": "problem",
}
"""What problems can be sorted by; all but the last begin with the highest."""

ACCURACIES: dict[str, tuple[str, Callable[[Floats], NDArray[np.bool_]]]] = {
    "none": ("0 %", lambda last: last == 0),
    "few": ("below 50 %, not 0", lambda last: (last > 0) & (last < 0.5)),
    "many": ("from 50 %, not 100", lambda last: (last >= 0.5) & (last < 1)),
    "all": ("100 %", lambda last: last == 1),
    "unseen": ("not seen yet", np.isnan),
}
"""Kinds of last accuracies."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """The list's part of an address."""

    q: str = ""
    """Words that id, prompt and answer must hold, in any case of letters."""
    family: str = ""
    accuracy: str = ""
    """One of :data:`ACCURACIES`."""
    sort: str = "score"
    """One of :data:`SORTS`."""
    reverse: bool = False
    """Against the sort's own direction."""
    page: int = 1

    @staticmethod
    def of(args: Mapping[str, str]) -> "Query":
        """From an address's query; other names are passed over.

        Raises:
            ValueError: If a value is none that the list knows.
        """
        values: dict[str, Any] = {f.name: args[f.name] for f in fields(Query) if f.name in args}
        for name, known in (("sort", SORTS), ("accuracy", {"": "", **ACCURACIES})):
            if name in values and values[name] not in known:
                raise ValueError(f"{name} is none of {', '.join(filter(None, known))}")
        if "page" in values:
            values["page"] = whole_number(values["page"], "page")
        if "reverse" in values:
            values["reverse"] = values["reverse"] == "1"
        return Query(**values)

    def args(self, **changes: Any) -> dict[str, str]:
        """For an address, with these changes; what is as always is left out."""
        changed, plain = replace(self, **changes), Query()
        names = [f.name for f in fields(Query)]
        values = {n: getattr(changed, n) for n in names if getattr(changed, n) != getattr(plain, n)}
        return {name: "1" if value is True else str(value) for name, value in values.items()}


def whole_number(text: str, name: str) -> int:
    """A number from 0 on, as an address gives it.

    Raises:
        ValueError: If it is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ValueError(f"{name} must be a whole number")
    return int(text)


def find(snapshot: Snapshot, query: Query) -> NDArray[np.intp]:
    """The rows of the problems that are asked for, in order.

    Problems without a value come last in either direction; equal ones are ordered by id.
    """
    found = np.flatnonzero(_matching(snapshot, query))
    if query.sort == "id":
        return found[::-1] if query.reverse else found
    values = {
        "score": snapshot.scores,
        "reward": snapshot.mean_score,
        "accuracy": snapshot.last_accuracy,
        "visits": snapshot.visits.astype(np.float64),
    }[query.sort][found]
    return found[np.argsort(values if query.reverse else -values, kind="stable")]


def _matching(snapshot: Snapshot, query: Query) -> NDArray[np.bool_]:
    matching = np.ones(len(snapshot.asked), bool)
    if query.family:
        matching &= np.array([known.family == query.family for known in snapshot.asked], bool)
    if query.accuracy:
        matching &= ACCURACIES[query.accuracy][1](snapshot.last_accuracy)
    if words := query.q.casefold().split():
        texts = snapshot.searchable
        matching &= np.array([all(word in text for word in words) for text in texts], bool)
    return matching
