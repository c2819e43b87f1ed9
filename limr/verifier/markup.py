r"""Marks that only shape the print: dollar signs, fonts, colours, sizes, spacing."""

from __future__ import annotations

import re

_MATH_MARKS = re.compile(r"(?P<row>\\\\)|\\\$|\$|`|\\[()\[\]]")
_ROW_GAP = re.compile(r"\\\\\s*\[\s*-?[\d.]+\s*[a-z]{2}\s*\]")
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z]{2})")
_MONEY = re.compile(r"\s*(-?)\s*\\\$\s*((?:\d|\{,\}|,?\\!|\\,|[.,](?=\d))+)\s*(.*)", re.DOTALL)
_SIGN_GROUP = re.compile(r"\{\s*([-+=])\s*\}")
_NULL_DELIMITER = re.compile(r"\\(?:left|right)\s*\.")
_DECLARATION = re.compile(
    r"\\(?:displaystyle|textstyle|scriptstyle|tiny|small|normalsize|large|Large|LARGE|huge|Huge"
    r"|bf|rm|it|sf|tt|bfseries|itshape|boldmath|math(?:open|close)\s*\{\s*\}|limits|nolimits|noindent|hfill|ensuremath"
    r"|underline|textcolor\s*\{[^{}]*\}|color\s*\{[^{}]*\})(?![A-Za-z])"
)
_FONT_OF_FORMULA = re.compile(
    r"\\(?:text|mbox|mathrm|mathbf|mathit|mathsf|boldsymbol|bm|pmb|mathbin|mathop|mathord)\s*"
    r"(?=\{\s*(?:[-+]?\s*\\(?!text|mathrm|,|;| )[A-Za-z]+|[-+]|[A-Za-z]\s*[=+^-]))"
)
_UNIT_VECTOR = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|hat|vec|widehat|overrightarrow)\s*\{?\s*"
    r"(?:\\(?:mathbf|boldsymbol|bm)\s*\{?\s*)?(?:\\?([ij])math|([ijk]))(?![A-Za-z])\s*\}?\}?"
)
_ALIGNED = re.compile(
    r"\\begin\{(aligned|align\*?|split|gathered|cases)\}(.*?)\\end\{\1\}", re.DOTALL
)
_SPACING = re.compile(
    r"(?P<row>\\\\)|\\[;:,! ]|\\(?:hspace|vspace|phantom|hphantom)\*?\s*(?:\{[^{}]*\}|-)|~"
)


def strip_markup(text: str) -> str:
    r"""Without what only shapes the print; ``\left`` and single-letter fonts are left in.

    Example:
        >>> strip_markup(r"$\mathbf{\frac{3}{4}}$"), strip_markup(r"\color{red}{12}")
        ('{\\frac{3}{4}}', '{12}')
        >>> strip_markup(r"\$1.50")
        '1.50\\text{ dollars}'
    """
    text = _money(text)
    text = _ROW_GAP.sub(r"\\\\ ", text)
    if r"\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    text = _MATH_MARKS.sub(lambda m: m["row"] or "", text).strip()
    if len(text) > 4 and text.startswith("**") and text.endswith("**"):
        text = text[2:-2]
    while inner := re.fullmatch(r"\\(?:boxed|fbox)\s*\{(.*)\}", text, re.DOTALL):
        text = inner[1]
    if "\\" in text:
        text = _NULL_DELIMITER.sub("", _ALIGNED.sub(_rows, text))
        text = _DECLARATION.sub(" ", text)
        text = _UNIT_VECTOR.sub(lambda m: rf"\vec{{{m[1] or m[2]}}}", text)
        text = _FONT_OF_FORMULA.sub("", text)
    return _SIGN_GROUP.sub(r"\1", text).strip()


def _rows(match: re.Match[str]) -> str:
    """Lines of equations as a list, the rows of a function by cases left alone."""
    rows = [row.strip() for row in match[2].split(r"\\") if row.strip()]
    if match[1] == "cases" and any("&" in row for row in rows):
        return match[0]
    return ", ".join(row.replace("&", "") for row in rows)


def strip_spacing(text: str) -> str:
    """Spacing commands made plain spaces."""
    return _SPACING.sub(lambda m: m["row"] or " ", text)


def _money(text: str) -> str:
    r"""``\$5`` with nothing or words behind it as ``5\text{ dollars}``."""
    match = _MONEY.fullmatch(text.strip().strip("$")) if r"\$" in text else None
    if match is None or not re.match(r"$|[.]?$|/|\\text|\\mbox|\\mathrm|\\ |\\,|[a-z]", match[3]):
        return text
    return rf"{match[1]}{match[2]}\text{{ dollars}}{match[3]}"
