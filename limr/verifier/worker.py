"""What a verifier worker process runs: compare, answer, until the other end hangs up."""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from limr.verifier.equivalence import equivalent
from limr.verifier.rules import Rules


def main() -> None:
    """Serve (answer, gold, rules) from the connection whose descriptor is the first argument."""
    connection = Connection(int(sys.argv[1]))
    equivalent("x^2", "x x")  # loads what is imported late, so that no job pays for it
    try:
        connection.send("ready")
        while True:
            connection.send(_compare(*connection.recv()))
    except (EOFError, OSError):
        return


def _compare(answer: str, gold: str, rules: Rules) -> bool | str:
    """Whether they are equivalent, or the name and text of what was raised."""
    try:
        return equivalent(answer, gold, rules)
    except Exception as error:  # reported to the parent, which turns it into status "error"
        return f"{type(error).__name__}: {error}"
