r"""Reading one value: a formula, perhaps with a unit, a ratio, digits in a base, words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from limr.verifier.nodes import Node
from limr.verifier.parser import parse_formula
from limr.verifier.scan import split
from limr.verifier.tokens import FormulaError
from limr.verifier.units import split_unit
from limr.verifier.values import Based, Many, Ratio, Scalar, Text, Value

_BASED = re.compile(
    r"(-?(?:\d|\.\d)[0-9A-Fa-f.]*)\s*_\s*(?:(\d)|\{\s*(?:(\d+)|\\text\s*\{\s*([a-z]+)\s*\})\s*\})"
)
_BASE_NAMES = "two three four five six seven eight nine ten eleven twelve sixteen"
_BASES = dict(zip(_BASE_NAMES.split(), (*map(str, range(2, 13)), "16"), strict=True))
_WORDS = re.compile(r"\d\s+R\s+\d|[a-z]{4,}|[A-Z][a-z]{3,}|[A-Za-z]+(?: [A-Za-z]{2,})+")
_NAMES = re.compile(r"[A-Z][A-Za-z]{1,2}|[A-Z]{2,}")
_SHORT = "yes no odd even up down red left one two six ten"
_SHORT_WORDS = frozenset(_SHORT.split())
_LETTERED = re.compile(
    r"(?:\\text\s*\{\s*)?(?:\([A-E]\)|[A-E][):])\s*\}?\s*(?:[\dA-Za-z]|\\(?!cup|cap|times|cdot))"
)
_CLOCK = re.compile(r"\s*\d{1,2}(?::\d\d){1,2}\s*")
_FUNCTION_NAMES = re.compile(
    "(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?|sqrt|log|ln|exp|pi|theta|alpha|beta|infty|binom"
)
_DECIMAL = re.compile(r"\s*-?\s*\d*\.(\d+)\s*(?:\\(?:degree|percent))?\s*")


def read_based(text: str) -> Value | None:
    """Digits with an explicit base, None for anything else."""
    match = _BASED.fullmatch(text)
    if match is None or (match[4] and match[4] not in _BASES):
        return None
    digits = match[1].upper().lstrip("0") or "0"
    return Based(digits, match[2] or match[3] or _BASES[match[4]])


def read_single(text: str) -> Value:
    """A ratio or a formula with its unit; what is neither is text."""
    value_text, unit = split_unit(text)
    terms = split(value_text, {":"})
    try:
        if _LETTERED.match(text):
            return Text(text)
        if len(terms) > 1:
            clock = bool(_CLOCK.fullmatch(value_text))
            return Ratio(tuple(one_value(term) for term in terms), unit, clock)
        if _is_words(value_text):
            return Text(text)
        node = parse_formula(value_text)
    except FormulaError:
        return Text(text)
    signs = [n for n in node.walk() if n.op in ("pm", "mp")]
    if not signs:
        decimal = _DECIMAL.fullmatch(value_text)
        return Scalar(node, unit, len(decimal[1]) if decimal else None)
    return Text(text) if len(signs) > 3 else _both_signs(node, unit)


def one_value(text: str) -> Node:
    r"""A formula without ``\pm``, which would be several."""
    node = parse_formula(text)
    if node.has("pm", "mp"):
        raise FormulaError("several values")
    return node


def _is_words(text: str) -> bool:
    """Whether a text has words in it, where ``Bh`` and ``RT`` in a formula are products."""
    bare = _FUNCTION_NAMES.sub(" ", re.sub(r"\\[A-Za-z]+", "*", text)).strip()
    if bare.lower() in _SHORT_WORDS or _WORDS.search(bare):
        return True
    return bool(_NAMES.search(bare)) and bare.replace(" ", "").isalpha()


def _both_signs(node: Node, unit: str) -> Many:
    r"""The values of a formula with ``\pm``; with ``\mp`` all signs move together."""
    count = sum(n.op in ("pm", "mp") for n in node.walk())
    linked = node.has("mp")
    items = []
    for choice in range(2 if linked else 2**count):
        seen = iter(range(count))

        def sign(n: Node, choice: int = choice, seen: Iterator[int] = seen) -> Node:
            if n.op not in ("pm", "mp"):
                return n
            bit = choice if linked else choice >> next(seen) & 1
            minus = bool(bit) != (n.op == "mp")
            return Node("neg", n.args) if minus else n.args[0]

        items.append(Scalar(node.map(sign), unit))
    return Many(tuple(items))
