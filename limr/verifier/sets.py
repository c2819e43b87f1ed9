"""Real sets: intervals, points, inequalities and their unions, compared point by point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from limr.verifier.nodes import Node, neg, num, sub
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
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", "=": "=", r"\ne": r"\ne"}


@dataclass(frozen=True, slots=True)
class _Span:
    """An interval; a single point when both ends are the same and closed."""

    low: Node
    high: Node
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class _Combined:
    """Parts joined by ``any`` (union), ``all`` (intersection) or the first without the others."""

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
    if not many.alternatives and not all(isinstance(item, Relation) for item in many.items):
        raise NotASetError("a list of values")
    return _Combined("any" if many.alternatives else "all", tuple(sets))


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
    """``c < x``, ``a < x <= b``, ``|2x - 1| > c``: the variable stands once, on one side."""
    sides, signs = relation.sides, relation.signs
    middle = [i for i, side in enumerate(sides) if side.symbols()]
    if len(middle) != 1 or len(sides) > 3 or (len(sides) == 3 and middle != [1]):
        raise NotASetError("not bounds on one variable")
    at = middle[0]
    names.extend(sides[at].symbols())
    bounds = []
    for i, sign in enumerate(signs):
        if i + 1 == at:
            bounds.append(_solved(sides[at], _FLIPPED.get(sign, sign), sides[i]))
        else:
            bounds.append(_solved(sides[at], sign, sides[i + 1]))
    return bounds[0] if len(bounds) == 1 else _Combined("all", tuple(bounds))


def _solved(side: Node, sign: str, limit: Node) -> _Span | _Combined:
    """All values of the variable in ``side`` for which ``side sign limit``."""
    if side.op == "sym":
        return _bound(sign, limit)
    if side.op == "pow" and side.args[1] == num(2):
        side, limit = Node("fn", side.args[:1], "abs"), Node("root", (num(2), limit))
    inner = [arg for arg in side.args if arg.symbols()]
    rest = tuple(arg for arg in side.args if not arg.symbols())
    if len(inner) != 1:
        raise NotASetError("the variable stands more than once")
    if side.op == "fn" and side.name == "abs":
        parts = (_solved(inner[0], sign, limit), _solved(inner[0], _FLIPPED[sign], neg(limit)))
        return _Combined("any" if sign in (">", r"\ge", "=") else "all", parts)
    if side.op == "neg":
        return _solved(inner[0], _FLIPPED[sign], neg(limit))
    if side.op == "add":
        return _solved(inner[0], sign, sub(limit, Node("add", rest)))
    if side.op == "mul" or (side.op == "div" and side.args[0] is inner[0]):
        factor = Node("mul", rest) if side.op == "mul" else Node("div", (num(1), *rest))
        size = real_value(factor)
        if not size:
            raise NotASetError("multiplied by zero")
        flipped = sign if size > 0 else _FLIPPED[sign]
        return _solved(inner[0], flipped, Node("div", (limit, factor)))
    raise NotASetError("not solved for the variable")


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
