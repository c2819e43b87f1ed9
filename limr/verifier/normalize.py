r"""One spelling for many: Unicode, spacing, fonts, dollar signs, separators and trailing marks.

What changes the meaning stays: ``\text{}`` (read by kind later), ``\%``, degrees and units.
"""

from __future__ import annotations

import re
import unicodedata
from functools import partial

from limr.verifier.markup import strip_markup, strip_spacing
from limr.verifier.numerals import join_groups, spell_numbers
from limr.verifier.spellings import (
    COMMANDS,
    FUNCTION_WORDS,
    PLAIN_SUBSCRIPTS,
    PLAIN_SUPERSCRIPTS,
    PREFIX_CURRENCIES,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    TRANSLATION,
)

_VULGAR = re.compile("(\\d?)([¼-¾⅐-⅞])")
_UNICODE_ROOT = re.compile(r"([√∛∜])\s*(\d+|[A-Za-z])")
_ROOTS = {"√": r"\sqrt", "∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}

_COMMAND = re.compile(r"(?<!\\)\\([A-Za-z]+)")
_ROW_COMMAND = re.compile(r"(\\\\)(?=\\)")
_REALS = re.compile(r"\\mathbb\s*\{?\s*R\s*\}?")
_OPERATORNAME = re.compile(r"\\operatorname\*?\s*\{\s*([A-Za-z]+)\s*\}")
_TEXT_FUNCTION = re.compile(rf"\\text\s*\{{\s*({FUNCTION_WORDS})\s*\}}(?=\s*[\\({{^_A-Za-z0-9])")
_TEXT_PLAIN = re.compile(
    r"\\text\s*\{\s*([-+]?[\d.,/]*|[A-Za-z](?:(?:\s*,|\s*,?\s+and)\s*[A-Za-z])*)\s*\}"
)
_TEXT_VALUE = re.compile(r"^\s*\\text\s*\{\s*([-+]?[\d.][^{}]*)\}\s*$")
_TEXT_LIST = re.compile(r"^\\text\s*\{([A-Za-z() ,;]+)\}$")
_TEXT_POWER = re.compile(r"\\text\s*\{([^{}]*?)\s*\^\s*\{?\s*(-?\d)\s*\}?\s*\}")
_TEXT_QUOTIENT = re.compile(
    r"\\frac\s*\{\s*(\\text\s*\{[^{}]*\})\s*\}\s*\{\s*(\\text\s*\{[^{}]*\}(?:\^\{?\d\}?)?)\s*\}"
)
_OVER = re.compile(
    r"\{([^{}]*(?:\{[^{}]*\}[^{}]*)*?)\\over(?![A-Za-z])([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
)
_CHOOSE = re.compile(r"\{([^{}]*?)\s*\\choose\s*([^{}]*?)\}|(\w+)\s*\\choose\s*(\w+)")
_DEGREE = re.compile(r"\^\s*(?:\{\s*\\degree\s*\}|\\degree)|(?<=\d)\^\s*(?:o\b|\{\s*o\s*\})")
_DEGREE_WORD = re.compile(r"(?<=[\d})])\s*(?:\\text\s*\{\s*degrees?\b\s*(\}?)|degrees?\b)")
_TEMPERATURE = re.compile(
    r"\\degree\s*(?:\\text\s*\{\s*)?(?:(F)(?:ahrenheit)?|(C)(?:elsius)?|(?:(f)|(c))\w{6,9})\s*\}?",
)
_SUBSCRIPT = re.compile(r"_\{\s*(\w)\s*\}")
_REAL_DOMAIN = re.compile(r",\s*[a-z]\s*\\in\s*\\R\s*(?=\\\})")
_UNION_LETTER = re.compile(r"(?<=[\])])\s*U\s*(?=[\[(])")
_PRIME = re.compile(r"\^\s*(?:\{\s*(?:\\prime\s*)+\}|\\prime)")
_PERCENT_WORD = re.compile(
    r"\\text\s*\{\s*(?:percent(?:age)?|pct|\\?%)\s*\}|(?<!\\)\bpercent(?:age)?\b|\bpct\b|\\?%"
)
_PMOD = re.compile(
    r"\\pmod\s*(?:\{([^{}]*)\}|(\d))"
    r"|(?:\(|\\text\s*\{\s*\()\s*(?:\\(?:bmod|mod)|\\text\s*\{\s*mod\s*\}|mod)\s*([^()]*)\)\s*\}?"
    r"|\\mod\s*(.*)$"
)
_CLOCK = re.compile(r"(\d:\d\d|\b\d{1,2})\s*(?:\\text\s*\{\s*)?([aApP])\.?\s?[mM]\b\.?\s*\}?\s*$")
_CLOCK_COLON = re.compile(r"(?<=\d)\s*\{?:\}?\s*(?=\d)")
_LENGTH_MARK = re.compile(r"(?<=\d)\s*(?:\"|'')\s*$")
_QUANTITIES = re.compile(
    r"(?<=\d)\s*\\text\s*\{\s*([A-Za-z. ]*?[A-Za-z])\s*(?:,|\band)?\s*\}"
    r"\s*(?:\\text\s*\{\s*and\s*\}|and\b|,)?\s*(?=\d)"
)
_CURRENCY = re.compile(rf"^(?:\\text\s*\{{\s*)?({PREFIX_CURRENCIES})\.?\s*\}}?\s*(-?[\d.,]+)\s*$")
_STRAY_POINT = re.compile(r"\.(?![\d.\\])")
_LEAD = re.compile(
    r"^(\\text\s*\{)?\s*(?:therefore|thus|hence|so|we get|we have)?,?\s*(?:the\s+)?"
    r"(?:final\s+|correct\s+)?"
    r"(?:(?:answer|value|solution|result|root|range|point|number)s?\s*(?:is|are|=|:)?\s*:?"
    r"|(?<=[a-z,])\s)\s*(\})?",
    re.IGNORECASE,
)
_ONLY = re.compile(r"^\s*=|^\\text\s*\{\s*(?:only|exactly)\s*\}|^only\b", re.IGNORECASE)
_WORDS_BEFORE = re.compile(
    r"^\\text\s*\{\s*[A-Za-z][A-Za-z ]{2,40}(?::|\b(?:is|are|be|get|interval)\s*:?)\s*\}\s*(?=\S)"
)
_INDEX_RANGE = re.compile(
    r"(?:[,(]\s*(?:\\text\s*\{[^{}]*\}\s*)?[a-z]\s*\\in\s*\\mathbb\s*\{?\s*[ZN]"
    r"|,?\s*\\text\s*\{\s*,?\s*(?:where\b|with\b|for (?:all|any|every|each|some|integers?)\b)).*$",
    re.DOTALL,
)
_TAIL = " \t\n.,;:\\"


def normalize(text: str) -> str:
    r"""The canonical spelling of an answer.

    Example:
        >>> normalize(r"$\left(\dfrac{1}{2},\; 3\right)$.")
        '(\\frac{1}{2}, 3)'
        >>> normalize("\u22125x\u00b2")
        '-5x^{2}'
    """
    text = strip_markup(" ".join(_unicode(text).split()))
    text = " ".join(strip_spacing(join_groups(text)).split())
    text = _INDEX_RANGE.sub("", text)
    text = _OPERATORNAME.sub(_operator, _REALS.sub(r"\\R ", text))
    text = _ROW_COMMAND.sub(r"\1 ", text)
    text = _COMMAND.sub(lambda m: COMMANDS.get(m[1], m[0]), text)
    text = _SUBSCRIPT.sub(r"_\1", _REAL_DOMAIN.sub("", text))
    text = re.sub(r"\binfinity\b", r"\\infty ", text)
    text = _UNION_LETTER.sub(r"\\cup ", text)
    text = _PRIME.sub(lambda m: "'" * m[0].count("prime"), text.replace("...", r"\dots "))
    text = _relations(_unwrap_text(text))
    text = _marks(text)
    text = spell_numbers(text.replace("**", "^"))
    text = _phrases(text)
    text = " ".join(text.split())
    return _trim(text)


def _operator(match: re.Match[str]) -> str:
    known = re.fullmatch(FUNCTION_WORDS + "|max|min", match[1])
    return rf"\{match[1]} " if known else rf"\text{{{match[1]}}} "


def _unicode(text: str) -> str:
    """ASCII for what has an ASCII or LaTeX spelling; format and control characters dropped."""
    if text.isascii() and text.isprintable():
        return text
    text = "".join(" " if c.isspace() else c for c in text if _visible(c))
    text = _UNICODE_ROOT.sub(lambda m: f"{_ROOTS[m[1]]}{{{m[2]}}}", text)
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


def _unwrap_text(text: str) -> str:
    r"""``\text{}`` around numbers, single letters and function names is only a font."""
    if r"\text" not in text:
        return text
    text = re.sub(r"(\\text\s*\{[^{}]*?)\\cdot(?![A-Za-z])", r"\1 ", text)
    text = _TEXT_QUOTIENT.sub(r"\1/\2", _TEXT_POWER.sub(r"\\text{\1}^{\2}", text))
    text = _TEXT_LIST.sub(lambda m: m[1] if re.search(r",|;|\band\b", m[1]) else m[0], text)
    text = _TEXT_FUNCTION.sub(r"\\\1 ", text)
    text = _TEXT_VALUE.sub(r"\1", text)

    def unwrap(match: re.Match[str]) -> str:
        after_value = text[: match.start()].rstrip()[-1:] in (*"0123456789})",)
        return match[0] if after_value and match[1].isalpha() else f" {match[1]} "

    return _TEXT_PLAIN.sub(unwrap, text)


def _relations(text: str) -> str:
    """Relations as they are typed on a keyboard."""
    if "=" in text:
        text = text.replace("<=", r"\le ").replace(">=", r"\ge ").replace("!=", r"\ne ")
    return text


def _marks(text: str) -> str:
    """Degrees, percent, moduli, times of day and currencies, each spelled one way."""
    if r"\over" in text:
        text = _bare_over(_OVER.sub(r"\\frac{\1}{\2}", text))
    if r"\choose" in text:
        text = _CHOOSE.sub(lambda m: rf"\binom{{{m[1] or m[3]}}}{{{m[2] or m[4]}}}", text)
    text = _DEGREE.sub(r"\\degree ", text)
    text = _DEGREE_WORD.sub(lambda m: r"\degree " if m[1] != "" else r"\degree \text{", text)
    text = _TEMPERATURE.sub(
        lambda m: r"\text{ fahrenheit}" if m[1] or m[3] else r"\text{ celsius}", text
    )
    text = _PERCENT_WORD.sub(r"\\percent ", text)
    text = _PMOD.sub(lambda m: rf"\text{{ mod {next(filter(None, m.groups()), '').strip()}}}", text)
    text = _CLOCK_COLON.sub(":", text)
    text = _CLOCK.sub(lambda m: rf"{m[1]}\text{{ {m[2].lower()}m}}", text)
    text = _QUANTITIES.sub(_split_quantities, text)
    text = _LENGTH_MARK.sub(r"\\text{ in}", text)
    return _CURRENCY.sub(r"\2\\text{ \1}", text)


def _split_quantities(match: re.Match[str]) -> str:
    """``2 hours 30 minutes`` as a list of two, ``2 to 30`` left alone."""
    small = re.search(r"\b(?:to|of|by|or|base|mod|plus|minus|times|in|x|is|than|if|R)\b", match[1])
    return match[0] if small else rf"\text{{{match[1]}}}, "


def _bare_over(text: str) -> str:
    r"""``3 \over 8`` without braces around it."""
    parts = re.split(r"\\over(?![A-Za-z])", text)
    return rf"\frac{{{parts[0]}}}{{{parts[1]}}}" if len(parts) == 2 else text


def _phrases(text: str) -> str:
    """Without words that only announce the answer."""
    lead = _LEAD.match(text)
    if lead and lead.end():
        rest = text[lead.end() :]
        text = r"\text{" + rest if lead[1] and not lead[2] else rest
    return _WORDS_BEFORE.sub("", _ONLY.sub("", text))


def _trim(text: str) -> str:
    """Without trailing marks, stray points and braces around the whole."""
    text = _STRAY_POINT.sub("", text) if "." in text else text
    while True:
        before = text
        text = text.rstrip(_TAIL).strip()
        if text.startswith("{") and text.endswith("}") and _encloses(text):
            text = text[1:-1]
        if text == before:
            return text


def _encloses(text: str) -> bool:
    """Whether the brace that opens a text is closed by its last character."""
    depth = 0
    for mark in re.finditer(r"\\.|[{}]", text, re.DOTALL):
        depth += (mark[0] == "{") - (mark[0] == "}")
        if depth == 0:
            return mark.end() == len(text)
    return False
