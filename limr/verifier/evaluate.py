"""Values of formula trees at a point, real or complex, at a chosen number of digits."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from typing import Any
from zlib import crc32

from limr.verifier.nodes import Node
from limr.verifier.numbers import MAX_FACTORIAL, MAX_OPERATIONS, Exact, NoValueError

MAX_EXPONENT = 24
"""Largest argument to an exponential or trigonometric function, in bits before the point."""

_local = threading.local()


@dataclass(frozen=True, slots=True)
class Conventions:
    """What a formula leaves unsaid."""

    degree: Fraction | None = None
    """What one degree is worth; None is pi / 180."""
    percent: Fraction = Fraction(1, 100)
    """What one percent is worth."""
    log_base: int | None = None
    """Base of a logarithm written without one; None is e."""


def context(digits: int) -> Any:
    """An mpmath context of its own per thread and precision (the global one is shared)."""
    contexts: dict[int, Any] = _local.__dict__.setdefault("contexts", {})
    if digits not in contexts:
        from mpmath.ctx_mp import MPContext

        contexts[digits] = MPContext()
        contexts[digits].dps = digits
    return contexts[digits]


class Evaluator:
    """Evaluates a tree at one point in mpmath numbers, real or complex."""

    def __init__(self, settings: Conventions, digits: int, point: dict[str, Fraction]) -> None:
        self.settings = settings
        self.ctx = context(digits)
        self.point = dict(point)
        self.operations = 0

    def number(self, value: Fraction) -> Any:
        """A rational at this precision."""
        return self.ctx.mpf(value.numerator) / value.denominator

    def value(self, node: Node) -> Any:
        """The value of a tree."""
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            raise NoValueError("too many operations")
        if node.op == "num":
            return self.number(node.value)
        if node.op == "sym":
            return self.number(self.point[node.name])
        if node.op == "const":
            ctx = self.ctx
            constants = {"pi": ctx.pi, "e": ctx.e, "i": ctx.j, "inf": ctx.inf}
            return +constants[node.name]
        if node.op in ("sum", "prod"):
            return self.series(node)
        if node.op in ("pow", "root"):
            return self.power(node)
        args = [self.value(arg) for arg in node.args]
        return _OPERATIONS[node.op](self, node, args)

    def series(self, node: Node) -> Any:
        """A sum or product over consecutive integers."""
        exact = Exact()
        exact.bound = dict(self.point)
        low, high = exact.value(node.args[0]), exact.value(node.args[1])
        if low is None or high is None or low.denominator != 1 or high.denominator != 1:
            raise NoValueError("limits are not integers")
        total = self.ctx.mpf(0 if node.op == "sum" else 1)
        shadowed = self.point.get(node.name)
        for index in range(int(low), int(high) + 1):
            self.point[node.name] = Fraction(index)
            term = self.value(node.args[2])
            total = total + term if node.op == "sum" else total * term
        if shadowed is not None:
            self.point[node.name] = shadowed
        return total

    def power(self, node: Node) -> Any:
        """Powers and roots; an odd root of a negative number is the real one (not for x^n)."""
        first, second = node.args
        exact = Exact()
        exact.bound = dict(self.point)
        if node.op == "root":
            index = exact.value(first)
            base = self.value(second)
            if index == 0 or index is None:
                raise NoValueError("root index")
            exponent: Fraction | None = 1 / index
        else:
            base = self.value(first)
            try:
                exponent = exact.value(second)
            except NoValueError:
                exponent = None
        if exponent is None:
            return self.general_power(base, self.value(second))
        return self.rational_power(base, exponent, bool(second.symbols()) and node.op == "pow")

    def rational_power(self, base: Any, exponent: Fraction, symbolic: bool) -> Any:
        """A power with a rational exponent."""
        self.guard_power(base, exponent.numerator)
        self.guard(self.number(exponent))
        if exponent.denominator == 1:
            return base ** int(exponent)
        real_root = exponent.denominator % 2 and not symbolic
        negative = not self.ctx.im(base) and self.ctx.re(base) < 0
        if negative and real_root:
            size = (-self.ctx.re(base)) ** self.number(exponent)
            return -size if exponent.numerator % 2 else size
        return base ** self.number(exponent)

    def general_power(self, base: Any, exponent: Any) -> Any:
        """A power with any other exponent."""
        self.guard_power(base, exponent)
        return base**exponent

    def guard_power(self, base: Any, exponent: Any) -> None:
        """Refuse a power that would be too large or too small."""
        size = abs(base)
        if size and not self.ctx.isinf(size):
            self.guard(abs(exponent) * (1 + abs(self.ctx.mag(size))))

    def guard(self, value: Any) -> Any:
        """Refuse what would need too many digits to be reduced or represented."""
        size = abs(value)
        if not self.ctx.isinf(size) and size and self.ctx.mag(size) > MAX_EXPONENT:
            raise NoValueError("argument too large")
        return value

    def whole(self, value: Any) -> Any:
        """A value within rounding of an integer, made that integer."""
        nearest = self.ctx.nint(self.ctx.re(value))
        return nearest if abs(value - nearest) < self.ctx.mpf(10) ** (-self.ctx.dps // 2) else value


def _product(run: Evaluator, node: Node, args: list[Any]) -> Any:
    total = run.ctx.mpf(1)
    for arg in args:
        total = total * arg
    return total


def _quotient(run: Evaluator, node: Node, args: list[Any]) -> Any:
    if not args[1]:
        raise NoValueError("division by zero")
    return args[0] / args[1]


def _logarithm(run: Evaluator, node: Node, args: list[Any]) -> Any:
    return run.ctx.log(_nonzero(args[1])) / _nonzero(run.ctx.log(_nonzero(args[0])))


def _nonzero(value: Any) -> Any:
    if not value:
        raise NoValueError("zero")
    return value


def _gamma(run: Evaluator, value: Any) -> Any:
    if abs(value) > MAX_FACTORIAL:
        raise NoValueError("factorial out of range")
    return run.ctx.gamma(value)


def _binomial(run: Evaluator, node: Node, args: list[Any]) -> Any:
    n, k = args
    return _gamma(run, n + 1) / (_gamma(run, k + 1) * _gamma(run, n - k + 1))


def _opaque(run: Evaluator, node: Node, args: list[Any]) -> Any:
    """An unknown function: some fixed smooth function told by its name alone."""
    weight = 1 + (crc32(node.name.encode()) % 97) / run.ctx.mpf(97)
    return run.ctx.sin(weight * run.guard(args[0]) + weight**2) + weight * args[0]


def _mod(run: Evaluator, node: Node, args: list[Any]) -> Any:
    return args[0] - _nonzero(args[1]) * run.ctx.floor(run.whole(args[0] / args[1]))


def _degrees(run: Evaluator, node: Node, args: list[Any]) -> Any:
    degree = run.settings.degree
    return args[0] * (run.ctx.pi / 180 if degree is None else run.number(degree))


def _function(run: Evaluator, node: Node, args: list[Any]) -> Any:
    return _functions()[node.name](run, run.guard(args[0]))


def _extreme(pick: Callable[..., Any]) -> Callable[[Evaluator, Node, list[Any]], Any]:
    def apply(run: Evaluator, node: Node, args: list[Any]) -> Any:
        return pick(run.ctx.re(arg) for arg in args)

    return apply


def _whole(combine: Callable[..., int]) -> Callable[[Evaluator, Node, list[Any]], Any]:
    def apply(run: Evaluator, node: Node, args: list[Any]) -> Any:
        if any(arg != run.ctx.nint(run.ctx.re(arg)) for arg in args):
            raise NoValueError(f"{node.op} of what is no integer")
        return run.ctx.mpf(combine(*(int(run.ctx.re(arg)) for arg in args)))

    return apply


_OPERATIONS: dict[str, Callable[[Evaluator, Node, list[Any]], Any]] = {
    "add": lambda run, node, args: sum(args[1:], args[0]),
    "mul": _product,
    "div": _quotient,
    "neg": lambda run, node, args: -args[0],
    "log": _logarithm,
    "fact": lambda run, node, args: _gamma(run, args[0] + 1),
    "binom": _binomial,
    "mod": _mod,
    "max": _extreme(max),
    "min": _extreme(min),
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "degree": _degrees,
    "percent": lambda run, node, args: args[0] * run.number(run.settings.percent),
    "opaque": _opaque,
    "fn": _function,
}


def _named(name: str, run: Evaluator, value: Any) -> Any:
    return getattr(run.ctx, name)(value)


@cache
def _functions() -> dict[str, Callable[[Evaluator, Any], Any]]:
    table: dict[str, Callable[[Evaluator, Any], Any]] = {
        "abs": lambda run, x: abs(x),
        "floor": lambda run, x: run.ctx.floor(run.whole(x)),
        "ceil": lambda run, x: run.ctx.ceil(run.whole(x)),
        "exp": lambda run, x: run.ctx.exp(x),
        "cis": lambda run, x: run.ctx.expj(x),
        "ln": lambda run, x: run.ctx.log(_nonzero(x)),
        "log": lambda run, x: (
            run.ctx.log(_nonzero(x))
            if run.settings.log_base is None
            else run.ctx.log(_nonzero(x)) / run.ctx.log(run.settings.log_base)
        ),
    }
    for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"):
        table[name] = partial(_named, name)
    for name in ("sin", "cos", "tan", "cot", "sec", "csc"):
        table["arc" + name] = partial(_named, "a" + name)
    return table
