"""What a verifier worker process runs: compare, answer, until the other end hangs up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from multiprocessing.connection import Connection


def main() -> None:
    """Serve the connection whose descriptor is the first argument.

    The first message is the function that compares, every later one an (answer, gold) pair.
    """
    connection = Connection(int(sys.argv[1]))
    try:
        compare = connection.recv()
        compare("x^2", "x x")  # loads what is imported late, so that no job pays for it
        connection.send("ready")
        while True:
            answer, gold = connection.recv()
            connection.send(_outcome(compare, answer, gold))
    except (EOFError, OSError):
        return


def _outcome(compare: Callable[[str, str], bool], answer: str, gold: str) -> bool | str:
    """Whether they are the same, or the name and text of what was raised."""
    try:
        return compare(answer, gold)
    except Exception as error:  # reported to the parent, which turns it into status "error"
        return f"{type(error).__name__}: {error}"
