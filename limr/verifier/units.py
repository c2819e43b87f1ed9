"""Units of measurement after a value: found, spelled one way, compared."""

from __future__ import annotations

import re
from collections import Counter

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
    "dollar": "usd",
    "euro": "eur",
    "cent": "",
    "degree": "deg",
    "radian": "rad",
    "fahrenheit": "",
    "celsius": "",
    "percent": "",
    "unit": "",
    "acre": "",
    "gallon": "gal",
    "ohm": "omega",
    "person": "people",
    "n": "newton",
    "j": "joule",
    "w": "watt",
    "v": "volt",
    "pa": "pascal",
    "hz": "hertz",
    "am": "",
    "pm": "",
}
_CANONICAL = {
    word + plural: unit
    for unit, words in _SYNONYMS.items()
    for word in (unit, *words.split())
    for plural in ("", "s", "es")
}
_COMPOUND = {
    "mpg": "mi per gallon",
    "rpm": "revolution per min",
    "mph": "mi per h",
    "kph": "km per h",
    "kmh": "km per h",
    "fps": "ft per s",
}
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_MULTIPLES = {
    "dozen": "12",
    "hundred": "10^{2}",
    "thousand": "10^{3}",
    "million": "10^{6}",
    "billion": "10^{9}",
    "trillion": "10^{12}",
}
_MEANINGFUL = (
    "half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths eighth "
    "eighths tenth tenths hundredth hundredths thousandth thousandths factorial more less most "
    "least fewer over under above below plus minus or and not to of out by base than remainder "
    "between is are if at choose point pi root sqrt divided through greater higher lower wrong "
    "incorrect x i extraneous fails rejected false excluded missing many tens score inverse "
    "reciprocal negative positive sevenths ninths onwards onward upward upwards where given"
)
_MEANINGFUL_WORDS = frozenset(_MEANINGFUL.split())
"""Words after a number that change what it says, so that they cannot be left out."""
_MATH_NAMES = (
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log exp sqrt frac infty theta "
    "alpha beta gamma delta lambda omega binom cis"
)
_MATH_WORDS = frozenset(_MATH_NAMES.split())
_EXPONENT = r"(?:\s*\^\s*\{?\s*-?\d\s*\}?)?"
_TEXT_PIECE = (
    r"\\text\s*\{[A-Za-z0-9 ./'%-]*\}" + _EXPONENT + r"\s*(?:(?:/|\\cdot\b|\\times\b)\s*)?"
)
_TEXT_UNIT = re.compile(rf"(?P<value>.*?\S)\s*(?P<unit>/?\s*(?:{_TEXT_PIECE})+)", re.DOTALL)
_WORD_UNIT = re.compile(
    r"(?P<value>.*(?:[\d})!]|\\degree|\\percent))\s*(?<!\\)"
    rf"(?P<unit>\b[A-Za-z]+(?:[ /.][A-Za-z]+)*{_EXPONENT})",
    re.DOTALL,
)
_GLUED_UNIT = re.compile(rf"(?P<value>-?\d[\d.,]*)(?P<unit>[A-Za-z]{{2,}}{_EXPONENT})")
_UNIT_TOKEN = re.compile(r"[A-Za-z]+|/|-?\d+")
UNIT_LETTERS = frozenset("mgsL")
"""Single letters read as a unit when the other answer is a bare number."""


def split_unit(text: str) -> tuple[str, str]:
    r"""The value and the canonical unit of a normalised answer; the unit is empty when none.

    A word such as ``million`` becomes a factor of the value. Words that change what a number says,
    such as ``or more``, leave the text whole.

    Example:
        >>> split_unit(r"864 \text{ inches}^2"), split_unit("864 square inches")
        (('864', 'in^2'), ('864', 'in^2'))
        >>> split_unit(r"60\text{ km}/\text{h}"), split_unit(r"2\text{ million}")
        (('60', 'h^-1 km'), ('(2) \\cdot 10^{6}', ''))
        >>> split_unit("3x")
        ('3x', '')
    """
    match = _TEXT_UNIT.fullmatch(text)
    words = re.sub(r"\\(?:text|cdot|times)", " ", match["unit"]) if match else ""
    if match is None:
        match = _GLUED_UNIT.fullmatch(text) or _WORD_UNIT.fullmatch(text)
        if match is None or not _is_unit(match["unit"], glued=match.re is _GLUED_UNIT):
            return text, ""
        words = match["unit"]
    names = re.findall(r"[a-z]+", words.lower())
    if (
        _MEANINGFUL_WORDS.intersection(names)
        or (len(names) == 1 and len(names[0]) < 3 and names[0] not in _CANONICAL)
        or re.search(r"\btimes\s+\w", words)
        or names[:1] in (["squared"], ["cubed"])
    ):
        return text, ""
    value = match["value"]
    for name in names:
        if name in _MULTIPLES:
            value = rf"({value}) \cdot {_MULTIPLES[name]}"
            words = re.sub(rf"\b{name}\b", " ", words, flags=re.IGNORECASE)
    return value, canonical_unit(words)


def canonical_unit(words: str) -> str:
    """Base units with their powers in alphabetical order, synonyms and plurals made one spelling.

    Example:
        >>> canonical_unit("Square Metres"), canonical_unit("km per hour"), canonical_unit("m/s^2")
        ('m^2', 'h^-1 km', 'm s^-2')
    """
    powers: Counter[str] = Counter()
    sign, ahead, last = 1, 1, ""
    words = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", words.lower())
    for compound, spelled in _COMPOUND.items():
        words = re.sub(rf"\b{compound}\b", spelled, words)
    for token in _UNIT_TOKEN.findall(words):
        if token in ("/", "per"):
            sign = -1
        elif token in ("squared", "cubed") and last:
            powers[last] *= _POWERS[token]
        elif token in _POWERS:
            ahead = _POWERS[token]
        elif token.lstrip("-").isdigit() and last:
            powers[last] *= int(token)
        else:
            last = _CANONICAL.get(token, token)
            powers[last] += sign * ahead
            ahead = 1
    return " ".join(n if p == 1 else f"{n}^{p}" for n, p in sorted(powers.items()))


def units_conflict(a: str, b: str) -> bool:
    """Whether two canonical units, both given, are not the same.

    ``unit`` goes with any unit, ``degree`` with a temperature, and a noun may be left out of
    several (``red ball``, ``ball``).
    """
    if not a or not b or a == b:
        return False
    first, second = set(a.split()), set(b.split())
    generic = [names <= {"unit", "unit^2", "unit^3"} for names in (first, second)]
    if any(generic):
        return all(generic) and {"unit"} not in (first, second)
    if first | second in ({"degree", "celsius"}, {"degree", "fahrenheit"}):
        return False
    nested = first < second or second < first
    return not nested or any(name.partition("^")[0] in _SYNONYMS for name in first | second)


def _is_unit(words: str, *, glued: bool) -> bool:
    """Words without markup are a unit when one is known or, set apart, all are plainly words."""
    names = re.findall(r"[a-z]+", words.lower())
    if any(name in _MATH_WORDS for name in names):
        return False
    known = any(
        len(n) > 1 and (n in _CANONICAL or n in _POWERS or n in _COMPOUND or n in _MULTIPLES)
        for n in names
    )
    return known or (not glued and any(len(name) >= 4 for name in names))
