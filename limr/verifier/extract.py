r"""Finding the final answer: the last complete ``\boxed{...}`` of a response."""

from __future__ import annotations

import re

_MARK = re.compile(
    r"\\(?:boxed|fbox)\s*\{|\\(?:boxed|fbox)[ \t]+(?=[^\s{}\\$])|\\.|[{}]", re.DOTALL
)
_UNBRACED = re.compile(r"[^\s{}\\$]+")
_JOINT = re.compile(
    r"(?:[\s,;$}&]|\\(?:quad|qquad|[,;! ()\[\]])|\\text\s*\{|(?:and|or|else|maybe|possibly)\b"
    r"|\\(?:boxed|fbox)\s*\{?|[A-Za-z](?:_\d)?\s*=)*"
)
_MAX_JOINT = 60
_MAX_LIST = 8
"""Most boxes read as one list; of more, the last is the answer."""


def extract_boxed(text: str) -> str | None:
    r"""The content of the last complete ``\boxed{}`` or ``\fbox{}``, found by counting braces.

    One pass over the text. Escaped braces (``\{``) do not count, boxes may nest to any depth (the
    outer one wins) and the unbraced form ``\boxed 5`` is read up to the next space. Boxes with
    nothing but commas, words such as ``and`` or ``or``, and names such as ``x =`` between them are
    one list.

    Returns:
        The content without surrounding space (possibly empty), or None without a complete box.

    Example:
        >>> extract_boxed(r"First \boxed{1}, then \boxed{\frac{2}{3}}.")
        '\\frac{2}{3}'
        >>> extract_boxed(r"The roots are $\boxed{2}$ and $\boxed{3}$.")
        '2, 3'
    """
    spans: list[tuple[int, int]] = []
    stack: list[int] = []
    for mark in _MARK.finditer(text):
        token = mark.group()
        if token == "}":
            start = stack.pop() if stack else -1
            if start >= 0:
                while spans and spans[-1][0] > start:
                    spans.pop()
                spans.append((start, mark.start()))
        elif token == "{":
            stack.append(-1)
        elif token.endswith("{") and len(token) > 2:
            stack.append(mark.end())
        elif len(token) > 2:
            word = _UNBRACED.match(text, mark.end())
            assert word is not None
            spans.append(word.span())
    return _last_group(text, spans) if spans else None


def _last_group(text: str, spans: list[tuple[int, int]]) -> str:
    """The last box with those directly before it, as a list joined by commas."""
    group = spans[-1:]
    for span in reversed(spans[:-1]):
        near = group[0][0] - span[1] <= _MAX_JOINT
        if not near or not _JOINT.fullmatch(text, span[1], group[0][0]):
            break
        group = [span, *group]
        if len(group) > _MAX_LIST:
            group = group[-1:]
            break
    contents = dict.fromkeys(text[slice(*span)].strip() for span in group)
    return ", ".join(filter(None, contents))
