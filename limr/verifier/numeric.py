"""Whether two formula trees are equal, by values: exact where rational, else at high precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any
from zlib import crc32

from limr.verifier.evaluate import Conventions, Evaluator, context
from limr.verifier.nodes import Node, num
from limr.verifier.numbers import Exact, NoValueError

MAX_PRECISION = 700
"""Most decimal digits of a comparison."""
ENOUGH_POINTS = 4
"""Points at which two formulas with variables must be comparable, and agree."""


def equal_nodes(
    a: Node,
    b: Node,
    *,
    degree: Fraction | None = None,
    percent: Fraction = Fraction(1, 100),
    log_base: int | None = None,
) -> bool:
    """Whether two trees have the same value, for every value of their variables.

    Variables are real. Formulas with variables are compared at fixed pseudo-random points, those
    where either is undefined or not real left out; a tree without any value equals nothing.

    Args:
        a: One tree.
        b: The other.
        degree: What one degree is worth; None is pi / 180.
        percent: What one percent is worth.
        log_base: Base of a logarithm written without one; None is e.
    """
    try:
        exact_a, exact_b = Exact(degree, percent).value(a), Exact(degree, percent).value(b)
        if exact_a is not None and exact_b is not None:
            return exact_a == exact_b
        settings = Conventions(degree, percent, log_base)
        names = sorted(a.symbols() | b.symbols())
        if not names:
            return _same_constant(a, b, settings)
        return _same_function(a, b, names, settings)
    except (NoValueError, ArithmeticError, ValueError, TypeError):
        return False


def proportional(a: Node, b: Node, *, positive: bool = False) -> bool:
    """Whether ``a = c b`` for one constant ``c`` that is not zero (or is positive)."""
    names = sorted(a.symbols() | b.symbols())
    settings = Conventions()
    try:
        ratio = _first_ratio(a, b, names, settings)
        if ratio is None or (positive and not ratio > 0):
            return False
        pairs = [_values(a, b, point, settings, 50) for point in _points(names)]
        pairs += _at_complex_points(a, b, names, settings)
        known = [pair for pair in pairs if pair is not None]
        agree = all(_close(x, ratio * y, context(50), 25) for x, y in known)
        return agree and len(known) >= ENOUGH_POINTS
    except (NoValueError, ArithmeticError, ValueError, TypeError):
        return False


def real_value(node: Node) -> Any:
    """The real value of a tree without variables at 50 digits, infinities included.

    Raises:
        NoValueError: If it has variables, no value, or one that is not real.
    """
    settings = Conventions()
    if node.symbols():
        raise NoValueError("has variables")
    try:
        value = Evaluator(settings, 50, {}).value(node)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise NoValueError(str(error)) from error
    ctx = context(50)
    if abs(ctx.im(value)) > ctx.mpf(10) ** -30 or ctx.isnan(value):
        raise NoValueError("not real")
    return ctx.re(value)


def rounds_to(node: Node, decimal: Fraction, places: int) -> bool:
    """Whether a constant without a finite decimal is ``decimal`` when rounded to ``places``."""
    try:
        exact = Exact().value(node)
        if exact is not None:
            finite = pow(10, exact.denominator.bit_length(), exact.denominator) == 0
            return not finite and round(exact * 10**places) == decimal * 10**places
        value = real_value(node)
    except NoValueError:
        return False
    ctx = context(50)
    if ctx.isinf(value) or places > 30 or ctx.mag(value) > 50:
        return False
    return bool(int(ctx.nint(value * 10**places)) == decimal * 10**places)


def _same_constant(a: Node, b: Node, settings: Conventions) -> bool:
    digits = _precision(a, b)
    low = _values(a, b, {}, settings, digits, keep_complex=True)
    if low is None:
        return False
    if any(context(digits).isinf(value) for value in low):
        return bool(low[0] == low[1])
    return _same_at(a, b, {}, settings, digits, low, keep_complex=True)


def _same_at(
    a: Node,
    b: Node,
    point: dict[str, Fraction],
    settings: Conventions,
    digits: int,
    low: tuple[Any, Any],
    *,
    keep_complex: bool,
) -> bool:
    """Whether two trees agree at a point, given their values there at ``digits``."""
    ctx = context(digits)
    far = abs(low[0] - low[1]) > ctx.mpf(10) ** (-digits // 2)
    if far and not _close(*low, ctx, digits // 2):
        return False
    high = _values(a, b, point, settings, 2 * digits, keep_complex=keep_complex)
    return high is not None and _vanishes(low, high, digits, context(2 * digits))


def _vanishes(low: tuple[Any, Any], high: tuple[Any, Any], digits: int, ctx: Any) -> bool:
    """Whether a difference computed at ``digits`` and at twice as many is zero."""
    before, after = abs(low[0] - low[1]), abs(high[0] - high[1])
    scale = max(abs(high[0]), abs(high[1]))
    if after <= scale * ctx.mpf(10) ** (-digits - digits // 2):
        return True
    return bool(after <= before * ctx.mpf(10) ** (-digits // 2))


def _same_function(a: Node, b: Node, names: list[str], settings: Conventions) -> bool:
    digits = _precision(a, b)
    has_i = any(n.op == "const" and n.name == "i" for tree in (a, b) for n in tree.walk())
    steps = any(n.op == "mod" or n.name in ("floor", "ceil") for t in (a, b) for n in t.walk())
    seen = 0
    for point in _points(names):
        low = _values(a, b, point, settings, digits, keep_complex=has_i)
        if low is None:
            continue
        if not _same_at(a, b, point, settings, digits, low, keep_complex=has_i):
            return False
        seen += 1
        if seen >= 2 * ENOUGH_POINTS and not steps:
            break
    beyond = _at_complex_points(a, b, names, settings)
    agree = all(pair is None or _close(*pair, context(50), 25) for pair in beyond)
    return seen >= ENOUGH_POINTS and agree


def _at_complex_points(
    a: Node, b: Node, names: list[str], settings: Conventions
) -> list[tuple[Any, Any] | None]:
    """Values where a variable beside i in an absolute value is complex: a circle about 2i."""
    ops = {(node.op, node.name) for tree in (a, b) for node in tree.walk()}
    if not ops >= {("fn", "abs"), ("const", "i")}:
        return []
    pairs = []
    for real, imaginary in zip(
        _points(names), _points([f"im {name}" for name in names]), strict=True
    ):
        parts = dict(zip(names, zip(real.values(), imaginary.values(), strict=True), strict=True))

        def complexified(node: Node, parts: dict[str, Any] = parts) -> Node:
            if node.op != "sym" or node.name not in parts:
                return node
            x, y = map(num, parts[node.name])
            return Node("add", (x, Node("mul", (y, Node("const", name="i")))))

        trees = a.map(complexified), b.map(complexified)
        pairs.append(_values(*trees, {}, settings, 50, keep_complex=True))
    return pairs


def _first_ratio(a: Node, b: Node, names: list[str], settings: Conventions) -> Any:
    tiny = context(50).mpf(10) ** -20
    for point in _points(names):
        pair = _values(a, b, point, settings, 50)
        if pair is not None and min(abs(pair[0]), abs(pair[1])) > tiny:
            return pair[0] / pair[1]
    return None


def _close(x: Any, y: Any, ctx: Any, digits: int) -> bool:
    tiny = ctx.mpf(10) ** -digits
    return bool(abs(x - y) <= tiny * max(abs(x), abs(y), tiny))


def _precision(a: Node, b: Node) -> int:
    """Digits enough to tell apart what formulas with these constants can differ by.

    Raises:
        NoValueError: If that is more than MAX_PRECISION.
    """
    digits = -(-(50 + (_constant_bits(a) + _constant_bits(b)) // 2) // 25) * 25
    if digits > MAX_PRECISION:
        raise NoValueError("constants too long to compare")
    return digits


def _constant_bits(node: Node) -> int:
    """Bits of the largest rational parts of a tree, ``10^{-90}`` computed first."""
    value = None
    with suppress(NoValueError):
        value = Exact().value(node)
    if value is not None:
        return value.numerator.bit_length() + value.denominator.bit_length()
    return sum(_constant_bits(arg) for arg in node.args)


def _points(names: list[str]) -> Iterator[dict[str, Fraction]]:
    """Assignments: in turn in (0, 1), (1, 6) and (-4, 4); at last small positive integers."""
    for trial in range(22):
        point = {}
        for rank, name in enumerate(names):
            unit = Fraction(crc32(f"{name}/{trial}".encode()) % 9973 + 1, 9974)
            if trial >= 16:
                point[name] = Fraction(1 + (trial - 15) * (rank + 1) % 7 + rank)
            else:
                point[name] = (unit, 1 + 5 * unit, 8 * unit - 4, 6 * unit - 3)[trial % 4]
        yield point


def _values(
    a: Node,
    b: Node,
    point: dict[str, Fraction],
    settings: Conventions,
    digits: int,
    *,
    keep_complex: bool = False,
) -> tuple[Any, Any] | None:
    """Both values at a point, None where one is undefined, too costly or not real."""
    ctx = context(digits)
    try:
        pair = tuple(Evaluator(settings, digits, point).value(tree) for tree in (a, b))
    except (ArithmeticError, ValueError, TypeError):
        return None
    tiny = ctx.mpf(10) ** (-digits // 2)
    for value in pair:
        if ctx.isnan(value) or (point and ctx.isinf(value)):
            return None
        if not keep_complex and abs(ctx.im(value)) > tiny * abs(value):
            return None
    return pair[0], pair[1]
