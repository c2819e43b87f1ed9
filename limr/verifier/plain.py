"""Verdicts that need no parsing: plain numbers and identical texts."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from limr.verifier.rules import Rules

MAX_CHARACTERS = 2_000
"""Longer answers are compared as text only."""

_PLAIN = re.compile(
    r"\s*([-+]?)\s*(?:(\d{1,400})(?:\.(\d{1,400}))?|\\[dt]?frac\{(\d{1,400})\}\{(\d{1,400})\})\s*"
)


def quick_equivalent(answer: str, gold: str, rules: Rules) -> bool | None:
    """The verdict on plain numbers and identical or overlong texts; None leaves it open."""
    answer, gold = answer.strip(), gold.strip()
    if not answer or not gold:
        return False
    if answer == gold:
        return True
    if max(len(answer), len(gold)) > MAX_CHARACTERS:
        return False
    a, b = plain_number(answer), plain_number(gold)
    if a is None or b is None or (a != b and rules.rounded_digits is not None):
        return None
    return a == b


@lru_cache(maxsize=4096)
def plain_number(text: str) -> Fraction | None:
    r"""The value of an integer, decimal or ``\frac{a}{b}`` of plain digits, else None."""
    match = _PLAIN.fullmatch(text)
    if match is None or not text.isascii():
        return None
    sign, whole, decimals, top, bottom = match.groups()
    if whole is None:
        if not int(bottom):
            return None
        value = Fraction(int(top), int(bottom))
    else:
        value = Fraction(int(whole + (decimals or "")), 10 ** len(decimals or ""))
    return -value if sign == "-" else value
