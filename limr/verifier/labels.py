"""The names that answers give: ``x =``, ``f(x) =``, ``Area =``, ``(x, y) =``."""

from __future__ import annotations

import re

_ARGUMENTS = r"\(\s*(?:[A-Za-z]|\d+)(?:\s*,\s*[A-Za-z])*\s*\)"
_SUBSCRIPT = r"(?:_(?:\w|\{[^{}]*\}))"
_ACCENT = r"\\(?:vec|overline|hat)\s*(?:\{\s*[A-Za-z]+\s*\}|[A-Za-z])"
_NAME = rf"(?:[A-Za-z]{{1,2}}(?::[A-Za-z]{{1,2}})+|{_ACCENT}|[A-Za-z]|\\[A-Za-z]+)"
_SYMBOL = rf"{_NAME}{_SUBSCRIPT}?(?:\^\{{-1\}}|\^\*)?'*\s*(?:{_ARGUMENTS})?"
_LABEL = re.compile(rf"\s*(?:{_SYMBOL}|\(\s*{_SYMBOL}(?:\s*,\s*{_SYMBOL})*\s*\))\s*")
_WORDS = re.compile(
    r"\s*(?:\|?\s*\\text\s*\{[^{}]*\}|m?\s*\\(?:angle|triangle)|[A-Z][A-Za-z]+'?|[A-Za-z]{3,}"
    r"|\|\s*[A-Z][A-Z]\s*\|?)(?:\s*[A-Za-z]+)*\s*\|?(?:\^\{?2\}?)?\s*"
)
_SUM = re.compile(r"\s*(?:10*\s*)?[A-Za-z](?:\s*\+\s*(?:10*\s*)?[A-Za-z])+\s*")
_NOT_NAMES = {"e", "i", r"\pi", r"\infty", r"\R", r"\emptyset"}


def read_label(side: str) -> str | None:
    r"""The name that one side of an equation gives to the other, None when it is no mere name.

    A sum of unknowns names its value (``m + n = 7``), unless they are coordinates.

    Example:
        >>> read_label("a_{1}"), read_label(r"\text{Total cost}"), read_label("m+n")
        ('a_1', 'total cost', 'm+n')
        >>> read_label("2x"), read_label("x + y"), read_label("y^2")
        (None, None, None)
    """
    if side in _NOT_NAMES:
        return None
    if _LABEL.fullmatch(side):
        return re.sub(r"\s|[{}]|\\(?:text|mathrm)(?![A-Za-z])", "", side)
    if _WORDS.fullmatch(side):
        bare = re.sub(r"\\(?:text|overline)\b|[{}|:]", " ", side)
        return " ".join(bare.split()).casefold() if r"\text" in side else " ".join(bare.split())
    if _SUM.fullmatch(side) and not re.search("[xyz]", side):
        return re.sub(r"\s", "", side)
    return None


def is_word(label: str) -> bool:
    """Whether a label is made of words rather than symbols."""
    return len(label) > 1 and bool(re.fullmatch(r"[A-Za-z\\ ]+", label))


def in_letter_order(label: str) -> list[int] | None:
    """The places of a tuple's components by letter, ``(y, x)`` as [1, 0]; None for other labels."""
    match = re.fullmatch(r"\(([A-Za-z](?:,[A-Za-z])+)\)", label)
    if match is None:
        return None
    letters = match[1].split(",")
    return sorted(range(len(letters)), key=letters.__getitem__)
