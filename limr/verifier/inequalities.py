r"""Inequalities in one variable, turned step by step into bounds on that variable.

Each step undoes the outermost operation on the side of the variable: ``2|x| + 1 < 7`` becomes
``|x| < 3`` and then ``-3 < x`` and ``x < 3``. A quadratic polynomial becomes the square of a linear
one. What stands in another form is not solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from limr.verifier.nodes import Node, neg, num, sub
from limr.verifier.numbers import Exact, NoValueError
from limr.verifier.numeric import real_value

FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", "=": "=", r"\ne": r"\ne"}
"""Each sign read from right to left."""


@dataclass(frozen=True, slots=True)
class Bound:
    """All x with ``x sign limit``."""

    sign: str
    limit: Node


@dataclass(frozen=True, slots=True)
class Joined:
    """Where ``all`` or ``any`` of the parts hold."""

    sign: str
    parts: tuple[Bound | Joined, ...]


class NotSolvedError(ValueError):
    """The inequality has another form than those that are solved."""


def solve(left: Node, sign: str, right: Node, name: str) -> Bound | Joined:
    """What ``left sign right`` says about the one variable.

    Raises:
        NotSolvedError: If the form is not one that is solved.
        NoValueError: If a constant part has no real value.
    """
    if name in left.symbols() and name in right.symbols():
        return _quadratic(sub(left, right), sign, name)
    if name in right.symbols():
        return solve(right, FLIPPED[sign], left, name)
    if left.op == "sym":
        return Bound(sign, right)
    if left.op == "neg":
        return solve(left.args[0], FLIPPED[sign], neg(right), name)
    inner = [arg for arg in left.args if name in arg.symbols()]
    if len(inner) != 1:
        return _quadratic(sub(left, right), sign, name)
    if left.op == "fn" and left.name == "abs":
        return _absolute(inner[0], sign, right, name)
    if left.op == "pow" and left.args[1] == num(2):
        if real_value(right) < 0:
            raise NotSolvedError("a square against a negative number")
        return _absolute(inner[0], sign, Node("root", (num(2), right)), name)
    return _arithmetic(left, sign, right, name)


def _arithmetic(left: Node, sign: str, right: Node, name: str) -> Bound | Joined:
    """A sum, product or quotient with the variable in one argument only."""
    at = next(i for i, arg in enumerate(left.args) if name in arg.symbols())
    inner, rest = left.args[at], left.args[:at] + left.args[at + 1 :]
    if left.op == "add":
        return solve(inner, sign, Node("add", (right, *map(neg, rest))), name)
    if left.op == "mul" or (left.op == "div" and at == 0):
        factor = Node("mul", rest)
        undone = Node("div" if left.op == "mul" else "mul", (right, factor))
        return solve(inner, sign if real_value(factor) > 0 else FLIPPED[sign], undone, name)
    raise NotSolvedError(left.op)


def _absolute(inner: Node, sign: str, limit: Node, name: str) -> Bound | Joined:
    if real_value(limit) < 0:
        raise NotSolvedError("an absolute value against a negative number")
    both = (solve(inner, sign, limit, name), solve(inner, FLIPPED[sign], neg(limit), name))
    return Joined("all" if sign in ("<", r"\le", r"\ne") else "any", both)


def _quadratic(difference: Node, sign: str, name: str) -> Bound | Joined:
    """A polynomial of degree one or two with rational coefficients against zero."""
    at = [_value(difference, name, x) for x in range(-3, 4)]
    c, a = at[3], (at[4] + at[2]) / 2 - at[3]
    b = at[4] - a - c
    if any(a * x * x + b * x + c != y for x, y in zip(range(-3, 4), at, strict=True)):
        raise NotSolvedError("no quadratic polynomial")
    x = Node("sym", name=name)
    if a == 0:
        if not b:
            raise NotSolvedError("no variable left")
        return solve(Node("mul", (num(b), x)), sign, num(-c), name)
    if a < 0:
        sign = FLIPPED[sign]
    square = Node("pow", (Node("add", (x, num(b / (2 * a)))), num(2)))
    return solve(square, sign, num((b / (2 * a)) ** 2 - c / a), name)


def _value(node: Node, name: str, x: int) -> Fraction:
    exact = Exact()
    exact.bound = {name: Fraction(x)}
    value = exact.value(node)
    if value is None:
        raise NoValueError("not rational")
    return value
