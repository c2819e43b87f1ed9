r"""The tokens of LaTeX formulas, and of formulas written in plain text."""

from __future__ import annotations

import re

MAX_TOKENS = 800
"""Longest formula read, in tokens."""
MAX_DIGITS = 1000
"""Longest number read, in digits; also the largest decimal exponent."""

_FUNCTION_NAMES = (
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arccot arcsec arccsc ln exp cis"
)
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
"""Commands read as functions of one argument."""
_WORDS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "tg": "tan"}
_PLAIN_WORDS = sorted(
    {*FUNCTIONS, *_WORDS, "log", "sqrt", "pi", "infty", "theta", "alpha", "beta", "binom"},
    key=len,
    reverse=True,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<repeating>\d*\.\d*\\overline\s*\{\s*\d+\s*\})"
    r"|(?P<num>\d*\.\d+(?:[eE][+-]?\d+)?|\d+(?:[eE](?:\d+|[+-]\d{2,})(?!\.))?)"
    r"|\\(?P<cmd>[A-Za-z]+)"
    r"|(?P<word>" + "|".join(_PLAIN_WORDS) + r")"
    r"|(?P<letter>(?<![A-Za-z])[A-Z]{2}(?![A-Za-z'(])|[A-Za-z]'*)"
    r"|(?P<op>[-+*/^_(){}\[\]|!,=]|\\[{}])|(?P<bad>\S))"
)


OPEN = {"(": ")", "{": "}", "[": "]"}
"""Brackets that group, with what closes them."""


class FormulaError(ValueError):
    """The text is not a formula that this parser reads."""


def tokenize(text: str) -> list[tuple[str, str]]:
    """(kind, text) for every token, closed by ("end", "")."""
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text.rstrip()):
        kind = match.lastgroup or "bad"
        value = match.group(kind)
        if kind == "bad" or len(tokens) >= MAX_TOKENS:
            raise FormulaError(f"cannot read {value!r}" if kind == "bad" else "too many tokens")
        if kind == "word":
            kind, value = "cmd", _WORDS.get(value, value)
        tokens.append((kind, value))
    if not tokens:
        raise FormulaError("empty")
    return [*tokens, ("end", "")]
