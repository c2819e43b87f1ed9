"""Tables as plain text, shares in percent."""

import re
from collections.abc import Sequence


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts "level 9" before "level 10"."""
    parts = re.findall(r"\d+|\D+", text)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]


def align(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell, the first to the left and the others to the right.

    Example:
        >>> print(align(["name", "n"], [["sums", "120"], ["products", "7"]]))
        name        n
        sums      120
        products    7
    """
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]

    def pad(line: Sequence[str]) -> str:
        rest = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        return "  ".join([line[0].ljust(widths[0]), *rest]).rstrip()

    return "\n".join(pad(line) for line in lines)


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage with one decimal."""
    return f"{100 * share:.1f}"


def interval(low: float, high: float) -> str:
    """An interval of shares, in percent."""
    return f"[{percent(low)}, {percent(high)}]"
