"""The kinds of thing an answer can be."""

from __future__ import annotations

from dataclasses import dataclass, field

from limr.verifier.nodes import Node


@dataclass(frozen=True, slots=True)
class Text:
    """Words, or anything that is not read as mathematics; compared as text."""

    words: str


@dataclass(frozen=True, slots=True)
class Scalar:
    """One formula, perhaps with a unit."""

    node: Node
    unit: str = ""
    places: int | None = field(default=None, compare=False)
    """Digits after the point where the formula is one decimal."""


@dataclass(frozen=True, slots=True)
class Based:
    """Digits with an explicit base."""

    digits: str
    base: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day."""

    fields: tuple[int, ...]
    """Hours and minutes, perhaps seconds."""
    half: str = ""
    """``a`` or ``p``, empty where it is not said."""


@dataclass(frozen=True, slots=True)
class Group:
    """Ordered elements in brackets: a tuple, or an interval when there are two."""

    opener: str
    closer: str
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Braces:
    """A finite set; empty for the empty set."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Many:
    """Several answers side by side, without brackets."""

    items: tuple[Value, ...]
    alternatives: bool = False
    """Whether they were joined by "or"."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of elements."""

    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """``a : b`` or longer."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """``x = value``; the label is empty where it is only words."""

    label: str
    value: Value
    sign: str = "="
    r"""``=``, or ``\in`` or ``\equiv``."""


@dataclass(frozen=True, slots=True)
class Relation:
    r"""A chain of sides with ``= < > \le \ge \ne`` between them."""

    sides: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetOperation:
    """A union, intersection or difference of sets, or the real line (``R`` without parts)."""

    sign: str
    parts: tuple[Value, ...] = field(default=())


Value = (
    Text
    | Scalar
    | Based
    | Clock
    | Group
    | Braces
    | Many
    | Matrix
    | Ratio
    | Labelled
    | Relation
    | SetOperation
)
