r"""Finding the final answer: the last complete ``\boxed{...}`` of a response."""

from __future__ import annotations

import re

_MARK = re.compile(
    r"\\(?:boxed|fbox)\s*\{|\\(?:boxed|fbox)[ \t]+(?=[^\s{}\\$])|\\.|[{}]", re.DOTALL
)
_UNBRACED = re.compile(r"[^\s{}\\$]+")


def extract_boxed(text: str) -> str | None:
    r"""The content of the last complete ``\boxed{}`` or ``\fbox{}``, found by counting braces.

    One pass over the text. Escaped braces (``\{``) do not count, boxes may nest to any depth (the
    outer one wins) and the unbraced form ``\boxed 5`` is read up to the next space.

    Returns:
        The content without surrounding space (possibly empty), or None without a complete box.

    Example:
        >>> extract_boxed(r"First \boxed{1}, then \boxed{\frac{2}{3}}.")
        '\\frac{2}{3}'
    """
    span: tuple[int, int] | None = None
    stack: list[int] = []
    for mark in _MARK.finditer(text):
        token = mark.group()
        if token == "}":
            start = stack.pop() if stack else -1
            if start >= 0:
                span = (start, mark.start())
        elif token == "{":
            stack.append(-1)
        elif token.endswith("{") and len(token) > 2:
            stack.append(mark.end())
        elif len(token) > 2:
            word = _UNBRACED.match(text, mark.end())
            assert word is not None
            span = word.span()
    return None if span is None else text[slice(*span)].strip()
