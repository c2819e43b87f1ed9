"""Numbers written in a base, and times of day."""

from __future__ import annotations

import re

from limr.verifier.values import Based, Clock

_BASED = re.compile(
    r"\(?(?:\\text\s*\{)?\s*(-?(?:\d[0-9A-Fa-f]*|[A-Fa-f][0-9A-Fa-f]+)?(?:\.[0-9A-Fa-f]+)?)\s*\}?\)?\s*"
    r"(?:_\s*(\w)|_\s*\{(.*)\}|(?:\\text\s*\{)?\s*(?:in )?(base\b.*))"
)
_BASE_MARKUP = re.compile(r"\\text\b|\bbase\b|[(){}\s-]")
_CLOCK = re.compile(
    r"(\d{1,2})\s*:\s*(\d\d)(?:\s*:\s*(\d\d))?\s*(?:(?:\\text\s*\{)?\s*([ap])\.?\s?m\.?\s*\}?)?",
    re.I,
)
_BASE_NAMES = "two three four five six seven eight nine ten eleven twelve sixteen"
_BASES = dict(zip(_BASE_NAMES.split(), (*map(str, range(2, 13)), "16"), strict=True))


def read_based(text: str) -> Based | None:
    r"""``1A_{16}``, ``21\text{ base six}``; None also where a digit is too large for the base."""
    match = _BASED.fullmatch(text)
    if match is None or not match[1]:
        return None
    base = _BASE_MARKUP.sub("", match[2] or match[3] or match[4])
    base = _BASES.get(base, base)
    digits = match[1].upper().lstrip("0") or "0"
    if base.isdigit():
        largest = max((int(digit, 16) for digit in digits if digit.isalnum()), default=0)
        return Based(digits, base) if largest < int(base) <= 36 else None
    plain = digits.replace(".", "").isdigit() and len(base) == 1 and base.isalpha()
    return Based(digits, base) if plain else None


def read_clock(text: str) -> Clock | None:
    """A time, told from a ratio by its seconds, by a.m. and p.m. or by a field such as 05."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    fields = [field for field in match.groups()[:3] if field]
    numbers = tuple(map(int, fields))
    told = (
        len(fields) == 3 or match[4] or any(field[0] == "0" for field in fields if len(field) > 1)
    )
    if not told or numbers[0] > 24 or max(numbers[1:]) > 59:
        return None
    return Clock(numbers, (match[4] or "").lower())
