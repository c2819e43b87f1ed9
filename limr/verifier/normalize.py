r"""One spelling for many: Unicode, spacing, fonts, dollar signs, separators and trailing marks.

What changes the meaning stays: ``\text{}`` (read by kind later), ``\%``, degrees and units.
"""

from __future__ import annotations

import re
import unicodedata
from functools import partial

from limr.verifier.brackets import encloses
from limr.verifier.layout import plain_layout
from limr.verifier.spellings import (
    COMMANDS,
    PLAIN_SUBSCRIPTS,
    PLAIN_SUPERSCRIPTS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    TRANSLATION,
)
from limr.verifier.tokens import FUNCTIONS

_VULGAR = re.compile("(\\d?)([¼-¾⅐-⅞])")
_UNICODE_ROOT = re.compile(r"√\s*(\d+|[A-Za-z])")

_COMMAND = re.compile(r"\\\\|\\([A-Za-z]+)")
_PRIMES = re.compile(r"\^\s*(?:\{\s*((?:\\prime\s*)+)\}|(\\prime)(?![A-Za-z]))")
_ASCII_SIGNS = re.compile(r"(?P<le><=|=<)|(?P<ge>>=)|(?P<ne>!=)")
_DOLLARS = re.compile(r"\\\$\s*(\d+(?:(?:[.,]|\{,\}|,\\!|\\,)\d+)*)(?![\d^])")
_MATH_MARKS = re.compile(r"(?P<row>\\\\)|\\\$|\$|\\[()\[\]]")
_SPACING = re.compile(
    r"(?P<row>\\\\)|\\[;:,! ]|\\(?:hspace|vspace|phantom|hphantom)\*?\{[^{}]*\}|~"
)
_THIN_GROUPS = re.compile(
    r"(?<![\d.,])(\d{1,3})((?:\s*(?:\\[,; ]|\{\s*,\s*\}|,\s?\\!)\s*\d{3}| \d{3})+)(?![\d/])"
)
_NOT_DIGITS = re.compile(r"\D+")
_REALS = re.compile(r"\\mathbb\s*\{?\s*R\s*\}?")
_OPERATORNAME = re.compile(r"\\operatorname\*?\s*\{\s*([A-Za-z]+)\s*\}")
_TEXT_FUNCTION = re.compile(
    r"\\text\s*\{\s*(sin|cos|tan|cot|csc|arcsin|arccos|arctan|ln|log|gcd|lcm|cis)\s*\}"
)
_TEXT_PLAIN = re.compile(
    r"\\text\s*\{\s*([-+]?[\d.,/]*|[A-Za-z](?:(?:\s*,|\s*,?\s+and)\s*[A-Za-z])*)\s*\}"
)
_TEXT_VALUE = re.compile(r"^\s*\\text\s*\{\s*([-+]?[\d.][^{}]*)\}\s*$")
_REPEATING = re.compile(r"(?<=\.)(\d*)\\(?:bar|dot|overline|overbar)\s*\{?\s*(\d+)\s*\}?")
_DOTTED = re.compile(r"\\dot\s*\{?(\d)\}?(\d*)\\dot\s*\{?(\d)\}?")
_INDEX_RANGE = re.compile(
    r"[,(]\s*(?:\\text\s*\{[^{}]*\}\s*)?[a-z]\s*\\in\s*\\mathbb\s*\{?\s*[ZN].*$", re.DOTALL
)
_DEGREE = re.compile(r"\^\s*(?:\{\s*\\degree\s*\}|\\degree)")
_DEGREE_WORD = re.compile(r"(?<=[\d})])\s*(?:\\text\s*\{\s*degrees?\s*\}|degrees?\b)")
_PERCENT_WORD = re.compile(
    r"\\text\s*\{\s*(?:percent(?:age)?|pct|\\?%)\s*\}|(?<!\\)\bpercent(?:age)?\b|\bpct\b|\\?%"
)
_MODULUS = re.compile(
    r"\s*(?:\\pmod\s*(?:\{([^{}]*)\}|(\d))|\(\s*(?:\\(?:bmod|mod)|\\text\s*\{\s*mod\s*\})\s*([^()]*)\)|"
    r"\\mod\s([^,;]*)|\\text\s*\{\s*\(?\s*mod(?:ulo)?\s*([^(){}]+)\)?\s*\})"
)
_ORDINAL = re.compile(
    r"(?<=\d)\s*(?:\^\s*)?(?:\{\s*\\text\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}|\\text\s*\{\s*(?:st|nd|rd|th)\s*\}|"
    r"\{\s*(?:st|nd|rd|th)\s*\}|(?:st|nd|rd|th)(?![A-Za-z}]))"
)
_TO = re.compile(r"(?<=\d)\s*\\text\s*\{\s*to\s*\}\s*(?=\d)")
_UNION_LETTER = re.compile(r"(?<=[\])])\s*U\s*(?=[\[(])")
_REAL_CONDITION = re.compile(r",\s*[a-z]\s*\\in\s*\\R\s*(?=\\\})")
_QUALIFIER = re.compile(
    r"(?:,\s*)?\\text\s*\{\s*,?\s*(?:for (?:all|any|every)|where)\b[^{}]*\}.*$", re.DOTALL
)
_TEXT_POWER = re.compile(r"\\text\s*\{([A-Za-z ./]+)\^\s*\{?(-?\d)\}?\s*\}")
_TEXT_FRACTION = re.compile(
    r"\\frac\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}\s*\{\s*\\text\s*\{([^{}]*)\}(\s*\^\s*\{?\d\}?)?\s*\}"
)
_ELLIPSIS = re.compile(r"\.{3,}")
_RECURRING = re.compile(r"(\d*\.\d*?)(\d{1,6}?)\2{2,}\d{0,5}?\s*\\dots\b")
_MIXED = re.compile(r"(?<![\d.^/_])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")
_TIMES_LETTER = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_STRAY_POINT = re.compile(r"\.(?![\d.\\])")
_LEAD_IN = re.compile(
    r"^\\text\s*\{[^{}]{0,60}?\b(?:is|are|be|so|thus|therefore|hence|get)\s*[,:]?\s*\}\s*(?=\S)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:\\text\s*\{)?\s*(?:therefore|thus|hence|so)?,?\s*(?:the\s+)?(?:final\s+|correct\s+)?"
    r"answer\s*(?:is|=|:)?\s*:?\s*(?:\})?",
    re.IGNORECASE,
)
_ONLY = re.compile(r"^\\text\s*\{\s*only\s*\}|^only\b", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_TAIL = " \t\n.,;:\\"


def normalize(text: str) -> str:
    r"""The canonical spelling of an answer.

    Example:
        >>> normalize(r"$\left(\dfrac{1}{2},\; 3\right)$.")
        '(\\frac{1}{2}, 3)'
        >>> normalize("\u22125x\u00b2")
        '-5x^{2}'
    """
    text = _unicode(text)
    text = _wrappers(text)
    text = _ASCII_SIGNS.sub(lambda m: rf"\{m.lastgroup} ", text)
    text = _PRIMES.sub(lambda m: "'" * m[0].count(r"\prime"), text)
    text = _THIN_GROUPS.sub(lambda m: m[1] + _NOT_DIGITS.sub("", m[2]), text)
    text = _SPACING.sub(lambda m: m["row"] or " ", text)
    text = _DOTTED.sub(r"\\overline{\1\2\3}", text)
    text = _REPEATING.sub(r"\1\\overline{\2}", _INDEX_RANGE.sub("", text))
    text = _OPERATORNAME.sub(_operator, _REALS.sub(r"\\R ", text))
    text = plain_layout(text)
    text = _COMMAND.sub(lambda m: COMMANDS.get(m[1] or "", m[0]), text)
    text = _TEXT_FRACTION.sub(r"\\text{\1/\2}\3", _TEXT_POWER.sub(r"\\text{\1}^{\2}", text))
    text = _sentence(_unwrap_text(text))
    text = _DEGREE_WORD.sub(r"\\degree ", _DEGREE.sub(r"\\degree ", text))
    text = _PERCENT_WORD.sub(r"\\percent ", text)
    text = _TIMES_LETTER.sub(r"\\times ", text).replace("**", "^")
    text = _MIXED.sub(_mixed_number, text)
    text = _ONLY.sub("", _LEAD.sub("", text))
    text = " ".join(text.split())
    return _trim(text)


def _unicode(text: str) -> str:
    """ASCII for what has an ASCII or LaTeX spelling; format and control characters dropped."""
    if text.isascii() and text.isprintable():
        return text
    text = "".join(" " if c.isspace() else c for c in text if _visible(c))
    text = _UNICODE_ROOT.sub(r"\\sqrt{\1}", text)
    text = _VULGAR.sub(_vulgar_fraction, text)
    for marks, plain, sign in (
        (SUPERSCRIPTS, PLAIN_SUPERSCRIPTS, "^"),
        (SUBSCRIPTS, PLAIN_SUBSCRIPTS, "_"),
    ):
        text = re.sub(f"[{marks}]+", partial(_raise, plain=plain, sign=sign), text)
    return unicodedata.normalize("NFKC", text.translate(TRANSLATION)).translate(TRANSLATION)


def _raise(match: re.Match[str], plain: dict[int, int], sign: str) -> str:
    return sign + "{" + match[0].translate(plain) + "}"


def _visible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in ("Cf", "Cc", "Co", "Cs")


def _vulgar_fraction(match: re.Match[str]) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", match[2]).partition("\u2044")
    return f"{match[1]}\\frac{{{top}}}{{{bottom}}}"


def _wrappers(text: str) -> str:
    r"""Without dollar signs, ``\( \) \[ \]``, markdown bold and an inner ``\boxed``."""
    text = _DOLLARS.sub(r"\1\\text{ dollars}", text)
    text = _MATH_MARKS.sub(lambda m: m["row"] or "", text).strip()
    if len(text) > 4 and text.startswith("**") and text.endswith("**"):
        text = text[2:-2]
    while (box := _BOX.match(text)) is not None and encloses(text[box.end() - 1 :]):
        text = text[box.end() : -1].strip()
    return text


def _sentence(text: str) -> str:
    """Without words that lead up to an answer or qualify it; moduli, dots and the like one way."""
    text = _QUALIFIER.sub("", _LEAD_IN.sub("", text.strip()))
    text = _ORDINAL.sub("", _TO.sub(":", text))
    text = _MODULUS.sub(lambda m: rf"\text{{ mod {m[m.lastindex or 0].strip()}}}", text)
    text = _REAL_CONDITION.sub("", _UNION_LETTER.sub(r" \\cup ", text))
    text = _RECURRING.sub(r"\1\\overline{\2}", _ELLIPSIS.sub(r"\\dots ", text))
    return text.lstrip(" =")


def _operator(match: re.Match[str]) -> str:
    """A named function, or words that were set as one."""
    known = match[1] in FUNCTIONS or match[1] in ("log", "gcd", "lcm", "max", "min", "lim")
    return rf"\{match[1]} " if known else rf"\text{{{match[1]}}}"


def _mixed_number(match: re.Match[str]) -> str:
    """``3 1/2`` as a mixed number where the fraction is a proper one."""
    whole, top, bottom = match.groups()
    return rf"{whole}\frac{{{top}}}{{{bottom}}}" if int(top) < int(bottom) else match[0]


def _unwrap_text(text: str) -> str:
    r"""``\text{}`` around numbers, single letters and function names is only a font."""
    text = _TEXT_FUNCTION.sub(r"\\\1 ", text)
    text = _TEXT_VALUE.sub(r"\1", text)

    def unwrap(match: re.Match[str]) -> str:
        after_value = text[: match.start()].rstrip()[-1:] in (*"0123456789})",)
        return match[0] if after_value and match[1].isalpha() else f" {match[1]} "

    return _TEXT_PLAIN.sub(unwrap, text)


def _trim(text: str) -> str:
    """Without trailing marks, stray points and braces around the whole."""
    text = _STRAY_POINT.sub("", text) if "." in text and "..." not in text else text
    while True:
        before = text
        text = text.rstrip(_TAIL).strip()
        if text.startswith("{") and text.endswith("}") and encloses(text):
            text = text[1:-1]
        if text == before:
            return text
