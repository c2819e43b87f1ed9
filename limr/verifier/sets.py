"""Real sets: intervals, points, inequalities and their unions, compared point by point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from limr.verifier.inequalities import Bound, Joined, NotSolvedError, solve
from limr.verifier.nodes import Node, neg
from limr.verifier.numbers import NoValueError
from limr.verifier.numeric import equal_nodes, real_value
from limr.verifier.values import (
    Braces,
    Group,
    Labelled,
    Many,
    Relation,
    Scalar,
    SetOperation,
    Value,
)

_INFINITY = Node("const", name="inf")


@dataclass(frozen=True, slots=True)
class _Span:
    """An interval; a single point when both ends are the same and closed."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class _Combined:
    """Parts joined by ``any`` (union), ``all`` (intersection) or the first ``without`` the others.

    A ``list`` of bounds is what satisfies all of them or, where nothing does, any.
    """

    sign: str
    parts: tuple[_Span | _Combined, ...]


class NotASetError(ValueError):
    """The value is not a set of real numbers."""


def same_real_set(a: Value, b: Value) -> bool | None:
    """Whether two values describe the same set of reals; None when either is no such set.

    Variables must agree where both name one. Open and closed ends differ.
    """
    names: list[str] = []
    try:
        first, second = _real_set(a, names), _real_set(b, names)
        if len(set(names)) > 1:
            return False
        ends = _ends(first) + _ends(second)
        order = _Order(ends)
        _check_ends(first, order)
        _check_ends(second, order)
    except (NotASetError, NoValueError):
        return None
    places = range(-1, 2 * order.count)
    first, second = (_decided(part, places, order) for part in (first, second))
    inside = [[_holds(part, place, order) for place in places] for part in (first, second)]
    return inside[0] == inside[1] and (any(inside[0]) or None)


class _Order:
    """Endpoints ranked by value: the i-th stands at place 2 i, the gap after it at 2 i + 1."""

    def __init__(self, ends: list[Node]) -> None:
        self._places: dict[Node, int] = {}
        ranked: list[tuple[Any, Node]] = sorted(
            ((real_value(node), node) for node in dict.fromkeys(ends)), key=lambda pair: pair[0]
        )
        self.count = 0
        previous: tuple[Any, Node] | None = None
        for value, node in ranked:
            near = previous is not None and _maybe_equal(previous[0], value)
            if not (near and previous and equal_nodes(previous[1], node)):
                self.count += 1
            self._places[node] = 2 * (self.count - 1)
            previous = (value, node)

    def place(self, node: Node) -> int:
        return self._places[node]


def _maybe_equal(x: Any, y: Any) -> bool:
    return bool(x == y or abs(x - y) <= 1e-9 * (1 + abs(x)))


def _holds(part: _Span | _Combined, place: int, order: _Order) -> bool:
    if isinstance(part, _Combined):
        inside = [_holds(child, place, order) for child in part.parts]
        if part.sign == "any":
            return any(inside)
        return all(inside) if part.sign == "all" else inside[0] and not any(inside[1:])
    low, high = order.place(part.low), order.place(part.high)
    if place in (low, high):
        at_low = place != low or part.low_closed
        at_high = place != high or part.high_closed
        return low <= place <= high and at_low and at_high
    return low < place < high


def _decided(part: _Span | _Combined, places: range, order: _Order) -> _Span | _Combined:
    """Every list of bounds as an intersection or a union."""
    if isinstance(part, _Span):
        return part
    parts = tuple(_decided(child, places, order) for child in part.parts)
    if part.sign != "list":
        return _Combined(part.sign, parts)
    both = _Combined("all", parts)
    return both if any(_holds(both, place, order) for place in places) else _Combined("any", parts)


def _check_ends(part: _Span | _Combined, order: _Order) -> None:
    """A pair whose first element is the larger is a tuple, no interval."""
    if isinstance(part, _Combined):
        for child in part.parts:
            _check_ends(child, order)
    elif order.place(part.low) > order.place(part.high):
        raise NotASetError("ends in the wrong order")


def _ends(part: _Span | _Combined) -> list[Node]:
    if isinstance(part, _Span):
        return [part.low, part.high]
    return [end for child in part.parts for end in _ends(child)]


def _real_set(value: Value, names: list[str]) -> _Span | _Combined:
    reader = _READERS.get(type(value))
    if reader is None:
        raise NotASetError(type(value).__name__)
    return reader(value, names)


def _interval(group: Any, names: list[str]) -> _Span:
    if len(group.items) != 2 or group.opener == "{":
        raise NotASetError("not an interval")
    low, high = (_node(item) for item in group.items)
    return _Span(low, high, group.opener == "[", group.closer == "]")


def _node(value: Value) -> Node:
    if not isinstance(value, Scalar):
        raise NotASetError("not a number")
    return value.node


def _points(braces: Any, names: list[str]) -> _Combined:
    nodes = [_node(item) for item in braces.items]
    return _Combined("any", tuple(_Span(node, node, True, True) for node in nodes))


def _many(many: Any, names: list[str]) -> _Combined:
    sets: list[_Span | _Combined] = [
        _points(Braces((item,)), names) if isinstance(item, Scalar) else _real_set(item, names)
        for item in many.items
    ]
    if many.joint != "or" and not all(isinstance(item, Relation) for item in many.items):
        raise NotASetError("a list of values")
    return _Combined({"": "list", "and": "all", "or": "any"}[many.joint], tuple(sets))


def _labelled(labelled: Any, names: list[str]) -> _Span | _Combined:
    names.extend([labelled.label] * bool(labelled.label))
    if isinstance(labelled.value, Scalar):
        return _points(Braces((labelled.value,)), [])
    return _real_set(labelled.value, names)


def _operation(operation: Any, names: list[str]) -> _Span | _Combined:
    if operation.sign == "R":
        return _LINE
    sign = {r"\cup": "any", r"\cap": "all", r"\setminus": "without"}[operation.sign]
    return _Combined(sign, tuple(_real_set(part, names) for part in operation.parts))


_LINE = _Span(neg(_INFINITY), _INFINITY, False, False)


def _relation(relation: Any, names: list[str]) -> _Span | _Combined:
    """What solves inequalities in one variable: ``a < x <= b``, ``x != c``, ``|x| < 3``."""
    sides, signs = relation.sides, relation.signs
    ranges = len(sides) == 3 and sides[1].op == "opaque"
    variables = {sides[1].name} if ranges else frozenset().union(*(s.symbols() for s in sides))
    if len(variables) != 1 or "=" in signs:
        raise NotASetError("no inequality in one variable")
    (name,) = variables
    if ranges:
        sides = (sides[0], Node("sym", name=name), sides[2])
    names.append(name)
    try:
        parts = [
            solve(left, sign, right, name)
            for left, sign, right in zip(sides, signs, sides[1:], strict=False)
        ]
    except NotSolvedError as error:
        raise NotASetError("not solved") from error
    return _solution(Joined("all", tuple(parts)))


def _solution(part: Bound | Joined) -> _Span | _Combined:
    if isinstance(part, Bound):
        return _bound(part.sign, part.limit)
    return _Combined(part.sign, tuple(map(_solution, part.parts)))


def _bound(sign: str, limit: Node) -> _Span | _Combined:
    """All x with ``x sign limit``."""
    point = _Span(limit, limit, True, True)
    if sign == "=":
        return point
    if sign == r"\ne":
        return _Combined("without", (_LINE, point))
    if sign in ("<", r"\le"):
        return _Span(neg(_INFINITY), limit, False, sign == r"\le")
    return _Span(limit, _INFINITY, sign == r"\ge", False)


_READERS: dict[type, Callable[[Any, list[str]], _Span | _Combined]] = {
    Group: _interval,
    Braces: _points,
    Many: _many,
    Labelled: _labelled,
    SetOperation: _operation,
    Relation: _relation,
}
