"""How messages name what is wrong without filling the screen."""

from collections.abc import Iterable

SHOWN = 5
"""Offenders named in one message."""


def listing(reasons: Iterable[tuple[str, str]]) -> str:
    """The first few offenders with their reasons, and how many more there are.

    Example:
        >>> listing([("row 3", "no answer")] * 6).removeprefix("row 3: no answer; " * 4)
        'row 3: no answer; and 1 more'
    """
    items = [f"{name}: {reason}" for name, reason in reasons]
    more = f"; and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return "; ".join(items[:SHOWN]) + more
