"""Walking over normalised text with an eye on its brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(r"\\(?:begin|end)\s*\{[a-z*]+\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
OPENERS = {"(", "[", "{", r"\{"}
CLOSERS = {")", "]", "}", r"\}"}


def pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """(position, depth, piece) of every command and character; brackets stand at their outside."""
    depth = 0
    for match in _PIECE.finditer(text):
        piece = match[0]
        closes = piece in CLOSERS or piece.startswith(r"\end")
        depth -= closes
        yield match.start(), depth, piece
        depth += piece in OPENERS or piece.startswith(r"\begin")


def split(text: str, separators: set[str]) -> list[str]:
    """The parts between the separators that stand outside all brackets."""
    parts, start = [], 0
    for position, depth, piece in pieces(text):
        if depth == 0 and piece in separators:
            parts.append(text[start:position])
            start = position + len(piece)
    return [*parts, text[start:]]


def signs_in(text: str, signs: set[str]) -> list[str]:
    """Those of the signs that stand outside all brackets, in order."""
    return [piece for _, depth, piece in pieces(text) if depth == 0 and piece in signs]
