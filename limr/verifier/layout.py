r"""TeX layout that carries no meaning: old fraction forms, styles around a whole, row gaps."""

from __future__ import annotations

import re

from limr.verifier.brackets import encloses

_ROW_GAP = re.compile(r"(?<=\\\\)\s*\[\s*-?[\d.]+\s*(?:mm|cm|in|pt|em|ex)\s*\]")
_EMPTY_DELIMITER = re.compile(r"\\(?:left|right)\s*\.|\\math(?:open|close)\s*(?:\{\s*\})?")
_BARE_PHANTOM = re.compile(r"\\h?phantom\s*[^\s{]")
_COLOR = re.compile(r"\\(?:text)?color\s*\{[^{}]*\}")
_STYLE = re.compile(
    r"\\(?:text\w*|math(?:rm|bf|it|sf|tt)|boldsymbol|bm|underline|ensuremath|mbox|emph)\s*(?=\{)"
)
_BOLD_LETTER = re.compile(r"\\(?:math(?:bf|it|sf)|boldsymbol|bm)\s*\{\s*([A-Za-z])\s*\}")
_WORD = re.compile(r"[A-Za-z]{2}")
_LONE_SIGN = re.compile(r"\{\s*([-+:])\s*\}")
_INFIX = re.compile(r"\\(over|choose)(?![A-Za-z])\s*")
_INFIX_COMMANDS = {"over": r"\frac", "choose": r"\binom"}


def plain_layout(text: str) -> str:
    r"""The text without layout.

    Example:
        >>> plain_layout(r"\boldsymbol{{3 \over 8}}"), plain_layout(r"\left.x\right.")
        ('\\frac{3}{8}', 'x')
    """
    text = _ROW_GAP.sub("", text)
    text = _EMPTY_DELIMITER.sub("", text)
    text = _BARE_PHANTOM.sub(" ", text)
    text = _COLOR.sub("", text)
    text = _LONE_SIGN.sub(r"\1", _BOLD_LETTER.sub(r" \1 ", text))
    return _infix(_undressed(text.strip()))


def _undressed(text: str) -> str:
    """Without styles and braces around the whole, unless they hold mere words."""
    while True:
        while text.startswith("{") and encloses(text):
            text = text[1:-1].strip()
        match = _STYLE.match(text)
        if match is None or not encloses(text[match.end() :]):
            return text
        inner = text[match.end() + 1 : -1].strip()
        if "\\" not in inner and _WORD.search(inner):
            return text
        text = inner


def _infix(text: str) -> str:
    r"""``{a \over b}`` as ``{\frac{a}{b}}``, innermost braces first; bounded by their number."""
    while (match := _INFIX.search(text)) is not None:
        start, stop = _group_around(text, match.start())
        command = _INFIX_COMMANDS[match[1]]
        left, right = text[start : match.start()].strip(), text[match.end() : stop].strip()
        text = f"{text[:start]}{command}{{{left}}}{{{right}}}{text[stop:]}"
    return text


def _group_around(text: str, at: int) -> tuple[int, int]:
    """Where the braces around a position begin and end; the whole text when there are none."""
    start, depth = at, 0
    while start > 0 and depth <= 0:
        start -= 1
        depth += (text[start] == "{") - (text[start] == "}")
    start += depth > 0
    stop, depth = at, 0
    while stop < len(text):
        depth += (text[stop] == "{") - (text[stop] == "}")
        if depth < 0:
            break
        stop += 1
    return start, stop
