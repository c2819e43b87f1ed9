"""Braces that belong together."""

from __future__ import annotations

import re

_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def encloses(text: str) -> bool:
    """Whether the brace that opens a text is closed by its last character."""
    depth = 0
    for mark in _BRACE.finditer(text):
        depth += (mark[0] == "{") - (mark[0] == "}")
        if depth == 0:
            return mark.end() == len(text)
    return False
