r"""Spellings of numbers: groups of digits, mixed numbers, repeating decimals, ordinals, bases."""

from __future__ import annotations

import re

_THIN_GROUPS = re.compile(
    r"(?<![\d.])(\d{1,3})((?:\s*(?:\\[,; ]|\{\s*,\s*\}|,\s?\\!)\s*\d{3})+)(?!\d)"
)
_SPACED_GROUPS = re.compile(r"\s*(-?\d{1,3}(?: \d{3})+(?:\.\d+)?)\s*")
_NOT_DIGITS = re.compile(r"\D+")
_REPEATING = re.compile(r"(?<=\.)(\d*)\\(?:bar|dot|overline|overbar)\s*\{?\s*(\d+)\s*\}?")
_TWO_DOTS = re.compile(r"(?<=\.)(\d*)\\dot\s*\{?(\d)\}?(\d*)\\dot\s*\{?(\d)\}?")
_IN_BRACKETS = re.compile(r"(?<![\d.])(\d*\.\d*)\((\d{1,20})\)(?=\s*$)")
_GOES_ON = re.compile(r"(?<![\d.])(\d{0,20}\.\d{0,20}?)(\d{1,12}?)\2{2,40}\s*\\dots")
_MIXED = re.compile(r"(?<![\d.^/_])(\d{1,30})\s+(\d{1,30})\s*/\s*(\d{1,30})(?![\d.])")
_ORDINAL = re.compile(
    r"(?<=\d)\s*\^?\s*\{?\s*(?:\\text\s*\{\s*)?(?:st|nd|rd|th)(?![A-Za-z])\s*(\}?)\s*(\}?)"
)
_BASE_WORDS = re.compile(
    r"([0-9A-F]+)\s*(?:_\s*\{\s*)?\\text\s*\{\s*base\s*\}?\s*([a-z]+|\d+)\s*\}?\s*\}?"
)
_BASE_BRACKETS = re.compile(r"\(\s*([0-9A-F]+)\s*\)\s*_|([0-9A-F])_\s*\{\s*\(\s*(\d+)\s*\)\s*\}")
_TIMES_LETTER = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_CHOOSE_LETTER = re.compile(
    r"(?:\{\s*\}\s*)?[_^]?\s*(?<![\d.])(?:\{(\d+)\}|(\d+))\s*C\s*_?\s*(?:\{(\d+)\}|(\d+))"
)
_CHOOSE_INDEX = re.compile(r"C_(?:\{(\w+)\}|(\w))\^(?:\{(\w+)\}|(\w))")
_RATIO_WORD = re.compile(r"\s*(\d+)\s*(?:\\text\s*\{\s*to\s*\}|to)\s*(\d+)\s*")


def join_groups(text: str) -> str:
    r"""``1\,000``, ``1{,}000`` and ``1 000`` as ``1000``; before spacing commands are dropped."""
    text = _THIN_GROUPS.sub(lambda m: m[1] + _NOT_DIGITS.sub("", m[2]), text)
    return text.replace(" ", "") if _SPACED_GROUPS.fullmatch(text) else text


def spell_numbers(text: str) -> str:
    r"""One spelling for each kind of number.

    Example:
        >>> spell_numbers("3 1/2"), spell_numbers(r"0.\dot{1}2\dot{3}"), spell_numbers("15th")
        ('3\\frac{1}{2}', '0.\\overline{123}', '15')
        >>> spell_numbers(r"(413)_5"), spell_numbers("8C3"), spell_numbers("11 6/6")
        ('413_5', '\\binom{8}{3}', '11 6/6')
    """
    if "." in text:
        text = _TWO_DOTS.sub(r"\1\\overline{\2\3\4}", text)
        text = _IN_BRACKETS.sub(r"\1\\overline{\2}", text)
        text = _GOES_ON.sub(r"\1\\overline{\2}", text)
        text = _REPEATING.sub(r"\1\\overline{\2}", text)
    text = _ORDINAL.sub(_drop_ordinal, text)
    text = _BASE_WORDS.sub(_base, text)
    text = _BASE_BRACKETS.sub(lambda m: f"{m[1]}_" if m[1] else f"{m[2]}_{{{m[3]}}}", text)
    text = _TIMES_LETTER.sub(r"\\times ", text)
    if "C" in text:
        text = _CHOOSE_LETTER.sub(_binom, text)
        text = _CHOOSE_INDEX.sub(_binom, text)
    if match := _RATIO_WORD.fullmatch(text):
        text = f"{match[1]}:{match[2]}"
    return _MIXED.sub(_mixed, text)


def _drop_ordinal(match: re.Match[str]) -> str:
    r"""Nothing but the braces that it did not open; ``\text{th Day}`` stays a text."""
    opened = match[0].count("{") - match[0].count("}")
    return r"\text{" if opened and r"\text" in match[0] else "}" * max(0, -opened)


def _base(match: re.Match[str]) -> str:
    base = match[2] if match[2].isdigit() else rf"\text{{{match[2]}}}"
    return f"{match[1]}_{{{base}}}"


def _binom(match: re.Match[str]) -> str:
    top, bottom = (group for group in match.groups() if group)
    return rf"\binom{{{top}}}{{{bottom}}}"


def _mixed(match: re.Match[str]) -> str:
    whole, top, bottom = match.groups()
    return rf"{whole}\frac{{{top}}}{{{bottom}}}" if 0 < int(top) < int(bottom) else match[0]
