r"""LaTeX commands with their arguments: fractions, roots, functions, sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from limr.verifier.nodes import Node, neg, num
from limr.verifier.tokens import FUNCTIONS, OPEN, FormulaError

if TYPE_CHECKING:
    from limr.verifier.parser import Parser

_GREEK_NAMES = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi "
    "rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi "
    "Omega ell"
)
_GREEK = frozenset(_GREEK_NAMES.split())
_ACCENTS = frozenset({"vec", "hat", "bar", "tilde", "overline", "overrightarrow", "widehat", "dot"})
_INVERSE = {n: "arc" + n for n in ("sin", "cos", "tan", "cot", "sec", "csc")}


def read_command(parser: Parser, name: str) -> Node:
    r"""What follows ``\name``, which the parser stands behind.

    Raises:
        FormulaError: If the command is not known.
    """
    if name in FUNCTIONS or name == "log":
        return _function(parser, name)
    if name in _READERS:
        return _READERS[name](parser)
    if name == "pi":
        return Node("const", name="pi")
    if name == "lg":
        return _function(parser, "log", base=num(10))
    if name == "infty":
        return Node("const", name="inf")
    if name in _GREEK:
        return Node("sym", name=name + (parser.subscript() if parser.text == "_" else ""))
    if name in _ACCENTS:
        return Node("sym", name=f"{name} {_raw_group(parser)}")
    raise FormulaError(f"unknown command {name!r}")


def _raw_group(parser: Parser) -> str:
    """The letters and digits of an accent's argument, as a name."""
    if parser.take("{"):
        parts = []
        while parser.kind in ("letter", "num"):
            parts.append(parser.text)
            parser.at += 1
        parser.expect("}")
        return "".join(parts)
    if parser.kind not in ("letter", "num"):
        raise FormulaError("an accent over nothing")
    parser.at += 1
    return parser.tokens[parser.at - 1][1]


def _read_frac(parser: Parser) -> Node:
    top = parser.argument()
    return Node("div", (top, parser.argument()))


def _read_binom(parser: Parser) -> Node:
    if parser.text == "(":
        pair = parser.pair()
        if pair is None:
            raise FormulaError("binom needs two arguments")
        return Node("binom", pair)
    top = parser.argument()
    return Node("binom", (top, parser.argument()))


def _read_sqrt(parser: Parser) -> Node:
    index = num(2)
    if parser.text == "[":
        index = parser.group()
    return Node("root", (index, parser.argument()))


def _between(parser: Parser, closer: str, name: str) -> Node:
    node = parser.sum()
    parser.expect(closer)
    return Node("fn", (node,), name)


def _variadic(parser: Parser, op: str) -> Node:
    closer = {"(": ")", "\\{": "\\}"}.get(parser.text)
    if closer is None:
        raise FormulaError(f"{op} needs its arguments in brackets")
    parser.at += 1
    args = [parser.sum()]
    while parser.take(","):
        args.append(parser.sum())
    parser.expect(closer)
    return Node(op, tuple(args))


def _big(parser: Parser, op: str) -> Node:
    r"""``\sum_{k=1}^{n} body`` with the limits in that order."""
    parser.expect("_")
    parser.expect("{")
    name = parser.text
    if parser.kind != "letter":
        raise FormulaError(f"{op} needs an index")
    parser.at += 1
    parser.expect("=")
    low = parser.sum()
    parser.expect("}")
    parser.expect("^")
    high = parser.exponent()
    parser.bound.add(name)
    body = parser.product()
    parser.bound.discard(name)
    return Node(op, (low, high, body), name)


def _function(parser: Parser, name: str, base: Node | None = None) -> Node:
    """A function with its base, its power and its argument, with or without parentheses."""
    power = None
    while parser.text in ("_", "^") and parser.kind == "op":
        if parser.take("_"):
            if name != "log":
                raise FormulaError(f"{name} takes no subscript")
            base = parser.argument()
        else:
            parser.at += 1
            power = parser.exponent()
    if power is not None and power.op == "num" and power.value == -1 and name in _INVERSE:
        name, power = _INVERSE[name], None
    arg = _function_argument(parser)
    node = Node("log", (base, arg)) if base is not None else Node("fn", (arg,), name)
    return node if power is None else Node("pow", (node, power))


def _function_argument(parser: Parser) -> Node:
    if parser.text in OPEN or parser.text == "|":
        return parser.postfix(parser.atom())
    negative = False
    while parser.take("-"):
        negative = not negative
    if negative:
        return neg(_function_argument(parser))
    factors = [parser.power()]
    while parser.starts_operand() and not (
        parser.kind == "cmd" and (parser.text in FUNCTIONS or parser.text == "log")
    ):
        if parser.text in ("(", "[") and any(factor.op != "num" for factor in factors):
            break
        factors.append(parser.power())
    return factors[0] if len(factors) == 1 else Node("mul", tuple(factors))


_READERS: dict[str, Callable[[Parser], Node]] = {
    "frac": _read_frac,
    "binom": _read_binom,
    "sqrt": _read_sqrt,
    "lfloor": lambda parser: _between(parser, "rfloor", "floor"),
    "lceil": lambda parser: _between(parser, "rceil", "ceil"),
    **{op: partial(_variadic, op=op) for op in ("max", "min", "gcd", "lcm")},
    **{op: partial(_big, op=op) for op in ("sum", "prod")},
}
