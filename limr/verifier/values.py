"""The kinds of thing an answer can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

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
    joint: Literal["", "and", "or"] = ""
    """The word that joined them, if any."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of elements."""

    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """``a : b`` or longer, perhaps a time of day."""

    terms: tuple[Node, ...]
    unit: str = ""
    clock: bool = False
    """Whether it looks like ``7:05``, with minutes of two digits."""


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
    | Group
    | Braces
    | Many
    | Matrix
    | Ratio
    | Labelled
    | Relation
    | SetOperation
)
