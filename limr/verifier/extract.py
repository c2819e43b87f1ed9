r"""Finding the final answer: the last complete ``\boxed{...}`` of a response."""

from __future__ import annotations

import re

_MARK = re.compile(
    r"\\(?:boxed|fbox)\s*\{|\\(?:boxed|fbox)[ \t]+(?=[^\s{}\\$])|\\.|[{}]", re.DOTALL
)
_UNBRACED = re.compile(r"[^\s{}\\$]+")
_LISTED = re.compile(r"[\s$]*(?:,|;|(?:,\s*)?\\?\b(?:text\s*\{\s*)?(?:and|or)\b\s*\}?)[\s$]*")
MAX_LISTED = 20
"""Most boxes read as one list of answers."""


def extract_boxed(text: str) -> str | None:
    r"""The content of the last complete ``\boxed{}`` or ``\fbox{}``, found by counting braces.

    One pass over the text. Escaped braces (``\{``) do not count, boxes may nest to any depth (the
    outer one wins) and the unbraced form ``\boxed 5`` is read up to the next space. Boxes with
    nothing but a comma, "and" or "or" between them are one list.

    Returns:
        The content without surrounding space (possibly empty), or None without a complete box.

    Example:
        >>> extract_boxed(r"First \boxed{1}, then \boxed{\frac{2}{3}}.")
        '\\frac{2}{3}'
        >>> extract_boxed(r"The roots are $\boxed{2}$ and $\boxed{3}$.")
        '2, 3'
    """
    spans: list[tuple[int, int, int, int]] = []
    stack: list[tuple[int, int]] = []
    for mark in _MARK.finditer(text):
        token = mark.group()
        if token == "}":
            outer, inner = stack.pop() if stack else (-1, -1)
            if inner >= 0:
                while spans and spans[-1][0] > outer:
                    spans.pop()
                spans.append((outer, inner, mark.start(), mark.end()))
        elif token == "{":
            stack.append((-1, -1))
        elif token.endswith("{") and len(token) > 2:
            stack.append((mark.start(), mark.end()))
        elif len(token) > 2:
            word = _UNBRACED.match(text, mark.end())
            assert word is not None
            spans.append((mark.start(), *word.span(), word.end()))
    if not spans:
        return None
    return ", ".join(text[span[1] : span[2]].strip() for span in _last_list(text, spans))


def _last_list(
    text: str, spans: list[tuple[int, int, int, int]]
) -> list[tuple[int, int, int, int]]:
    """The last box with those before it that it makes one list with."""
    first = len(spans) - 1
    while first > 0 and len(spans) - first < MAX_LISTED:
        between = text[spans[first - 1][3] : spans[first][0]]
        if len(between) > 40 or not _LISTED.fullmatch(between):
            break
        first -= 1
    return spans[first:]
