r"""Exact and high-precision values of formula trees, with every cost bounded beforehand.

Rational trees are computed in :class:`fractions.Fraction`. The rest is compared numerically at two
precisions: a difference that is truly zero shrinks with the precision, any other does not. The
precision grows with the digits the formulas contain, so ``\sqrt{2 + 10^{-90}}`` is not
``\sqrt{2}``. Nothing here rounds an exact answer to a float.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from limr.verifier.nodes import Node

MAX_BITS = 40_000
"""Largest integer computed exactly, in bits."""
MAX_FACTORIAL = 3_000
"""Largest exact factorial argument and number of terms of a sum or product."""
MAX_OPERATIONS = 20_000
"""Most operations one evaluation may take."""


class NoValueError(ArithmeticError):
    """The tree has no value: undefined, or too costly to compute."""


class Exact:
    """Evaluates a tree over the rationals.

    ``value`` returns None for what is not rational, and raises NoValueError for what is undefined
    (a zero denominator) or larger than the limits.
    """

    def __init__(
        self, degree: Fraction | None = None, percent: Fraction = Fraction(1, 100)
    ) -> None:
        self.degree = degree
        """What one degree is worth; None leaves it irrational (pi / 180)."""
        self.percent = percent
        """What one percent is worth."""
        self.bound: dict[str, Fraction] = {}
        self.operations = 0

    def value(self, node: Node) -> Fraction | None:
        """The rational value of the tree, or None."""
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            raise NoValueError("too many operations")
        if node.op == "num":
            return node.value
        if node.op == "sym":
            return self.bound.get(node.name)
        if node.op in ("sum", "prod"):
            return self._series(node)
        args = [self.value(arg) for arg in node.args]
        known = [arg for arg in args if arg is not None]
        if len(known) != len(args) or not args:
            return None
        result = self._apply(node, known)
        if result is not None and _bits(result) > MAX_BITS:
            raise NoValueError("number too large")
        return result

    def _series(self, node: Node) -> Fraction | None:
        low, high = self.value(node.args[0]), self.value(node.args[1])
        if low is None or high is None or low.denominator != 1 or high.denominator != 1:
            return None
        if high - low > MAX_FACTORIAL:
            raise NoValueError("too many terms")
        total = Fraction(0 if node.op == "sum" else 1)
        for index in range(int(low), int(high) + 1):
            self.bound[node.name] = Fraction(index)
            term = self.value(node.args[2])
            if term is None:
                return None
            total = total + term if node.op == "sum" else total * term
            if _bits(total) > MAX_BITS:
                raise NoValueError("number too large")
        self.bound.pop(node.name, None)
        return total

    def _apply(self, node: Node, args: list[Fraction]) -> Fraction | None:
        op = node.op
        if op in _ARITHMETIC:
            return _ARITHMETIC[op](*args)
        if op == "fn":
            return _FUNCTIONS[node.name](args[0]) if node.name in _FUNCTIONS else None
        if op == "percent":
            return args[0] * self.percent
        if op == "degree":
            return None if self.degree is None else args[0] * self.degree
        return None


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _add(*args: Fraction) -> Fraction:
    return sum(args, Fraction(0))


def _mul(*args: Fraction) -> Fraction:
    total = Fraction(1)
    for arg in args:
        total *= arg
        if _bits(total) > MAX_BITS:
            raise NoValueError("number too large")
    return total


def _div(top: Fraction, bottom: Fraction) -> Fraction:
    if bottom == 0:
        raise NoValueError("division by zero")
    return top / bottom


def power(base: Fraction, exponent: Fraction) -> Fraction | None:
    """``base ** exponent`` where that is rational, None where it is not.

    An even root of a negative number is not rational; an odd one is the real root.

    Raises:
        NoValueError: For 0 to a power <= 0 with a negative exponent, or a result over MAX_BITS.
    """
    if exponent.denominator != 1:
        rooted = root(Fraction(exponent.denominator), base)
        return None if rooted is None else power(rooted, Fraction(exponent.numerator))
    if base == 0 and exponent < 0:
        raise NoValueError("division by zero")
    if base in (0, 1):
        return base if exponent else Fraction(1)
    if base == -1:
        return Fraction(-1 if exponent.numerator % 2 else 1)
    if abs(exponent.numerator) * (_bits(base) - 1) > MAX_BITS:
        raise NoValueError("power too large")
    return Fraction(base ** int(exponent))


def root(index: Fraction, base: Fraction) -> Fraction | None:
    """The rational ``index``-th root of ``base``, None when there is none."""
    if index.denominator != 1 or not 0 < index <= 64:
        return None
    n = int(index)
    if base < 0:
        positive = root(index, -base) if n % 2 else None
        return None if positive is None else -positive
    top, bottom = _integer_root(base.numerator, n), _integer_root(base.denominator, n)
    return None if top is None or bottom is None else Fraction(top, bottom)


def _integer_root(value: int, n: int) -> int | None:
    """The exact n-th root of a non-negative integer by Newton's method, or None."""
    if value < 2 or n == 1:
        return value
    guess = 1 << -(-value.bit_length() // n)
    while True:
        better = ((n - 1) * guess + value // guess ** (n - 1)) // n
        if better >= guess:
            return guess if guess**n == value else None
        guess = better


def _factorial(value: Fraction) -> Fraction | None:
    if value.denominator != 1:
        return None
    if not 0 <= value <= MAX_FACTORIAL:
        raise NoValueError("factorial out of range")
    return Fraction(math.factorial(int(value)))


def _binom(n: Fraction, k: Fraction) -> Fraction | None:
    if n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
        return None
    small = min(k, n - k)
    if small > 0 and small * int(n).bit_length() > MAX_BITS:
        raise NoValueError("binomial too large")
    return Fraction(math.comb(int(n), int(k)))


def _mod(value: Fraction, modulus: Fraction) -> Fraction:
    if modulus == 0:
        raise NoValueError("modulus zero")
    return value % modulus


def _whole(function: str, *args: Fraction) -> Fraction | None:
    if any(arg.denominator != 1 for arg in args):
        return None
    return Fraction(getattr(math, function)(*(int(arg) for arg in args)))


_ARITHMETIC: dict[str, Callable[..., Fraction | None]] = {
    "add": _add,
    "mul": _mul,
    "div": _div,
    "neg": lambda value: -value,
    "pow": power,
    "root": root,
    "fact": _factorial,
    "binom": _binom,
    "mod": _mod,
    "max": max,
    "min": min,
    "gcd": lambda *args: _whole("gcd", *args),
    "lcm": lambda *args: _whole("lcm", *args),
}
_FUNCTIONS: dict[str, Callable[[Fraction], Fraction]] = {
    "abs": abs,
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
}
