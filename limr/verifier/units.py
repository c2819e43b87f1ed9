"""Units of measurement after a value: found, spelled one way, compared."""

from __future__ import annotations

import re

_SYNONYMS = {
    "mm": "millimeter millimetre",
    "cm": "centimeter centimetre",
    "m": "meter metre",
    "km": "kilometer kilometre",
    "in": "inch inches",
    "ft": "foot feet",
    "yd": "yard",
    "mi": "mile",
    "mg": "milligram",
    "g": "gram gm",
    "kg": "kilogram",
    "lb": "lbs pound",
    "oz": "ounce",
    "ml": "milliliter millilitre",
    "l": "liter litre",
    "s": "sec second",
    "min": "minute",
    "h": "hr hour",
    "day": "",
    "week": "",
    "month": "",
    "year": "yr",
    "mph": "",
    "dollar": "usd",
    "cent": "",
    "degree": "deg",
    "percent": "",
    "unit": "",
    "acre": "",
    "gallon": "gal",
    "person": "people",
}
_CANONICAL = {
    word + plural: unit
    for unit, words in _SYNONYMS.items()
    for word in (unit, *words.split())
    for plural in ("", "s", "es")
}
_GENERIC = frozenset({"unit"})
_MATH_NAMES = (
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log exp sqrt frac infty theta "
    "alpha beta gamma delta lambda omega binom"
)
_MATH_WORDS = frozenset(_MATH_NAMES.split())
_EXPONENT = r"(?:\s*\^\s*\{?\s*(?P<power>\d)\s*\}?)?"
_TEXT_UNIT = re.compile(
    r"(?P<value>.*\S)\s*\\text\s*\{(?P<unit>[A-Za-z ./'-]+)\}" + _EXPONENT, re.DOTALL
)
_WORD_UNIT = re.compile(
    r"(?P<value>.*[\d})!])\s*(?<!\\)"
    r"(?P<unit>\b[A-Za-z]+(?:[ /.][A-Za-z]+)*|(?:st|nd|rd|th)\s+[A-Za-z ]+)" + _EXPONENT,
    re.DOTALL,
)
UNIT_LETTERS = frozenset("mgsL")
"""Single letters read as a unit when the other answer is a bare number."""


def split_unit(text: str) -> tuple[str, str]:
    r"""The value and the canonical unit of a normalised answer; the unit is empty when none.

    Example:
        >>> split_unit(r"864 \text{ inches}^2"), split_unit("864 square inches")
        (('864', 'in^2'), ('864', 'in^2'))
        >>> split_unit("3x")
        ('3x', '')
    """
    match = _TEXT_UNIT.fullmatch(text)
    if match is None:
        match = _WORD_UNIT.fullmatch(text)
        if match is None or not _is_unit(match["unit"]):
            return text, ""
    unit = canonical_unit(match["unit"])
    return match["value"], f"{unit}^{match['power']}" if match["power"] else unit


def canonical_unit(words: str) -> str:
    """Synonyms, plurals and ``square`` or ``cubic`` made one spelling, lower case."""
    power = ""
    names = []
    for word in re.split(r"[ .]+", words.lower().strip(" .")):
        if word in ("square", "sq"):
            power = "^2"
        elif word in ("cubic", "cu"):
            power = "^3"
        elif word:
            names.append(_CANONICAL.get(word, word))
    return " ".join(names) + power


def units_conflict(a: str, b: str) -> bool:
    """Whether two units are both known and not the same (``ft^2`` and ``ft^3``)."""
    known = [unit.partition("^")[0] in _SYNONYMS for unit in (a, b)]
    generic = [unit.partition("^")[0] in _GENERIC for unit in (a, b)]
    return all(known) and not any(generic) and a != b


def _is_unit(words: str) -> bool:
    """Words without markup are a unit when one is known or all are plainly words."""
    names = re.split(r"[ /.]+", words.lower())
    if any(name in _MATH_WORDS for name in names):
        return False
    known = any(len(n) > 1 and (n in _CANONICAL or n in ("square", "sq", "cubic")) for n in names)
    return known or any(len(name) >= 4 for name in names)
