"""``limr browse``: a trajectory store as a local website."""

from typing import get_args

from jsonargparse import set_parsing_settings

from limr.mistakes import OneLineParser, in_one_line
from limr.selection.scores import Missing
from limr.tables import Columns

_USAGE = "limr browse STORE [--port PORT] [--problems FILE] [--open] [options]"

_DESCRIPTION = """\
Read what each problem taught the policy: search the problems, sort them by LIM score, see one
problem's reward curve and its responses over the epochs, with verdict and reason. STORE is a folder
or an address (see docs/trajectories.md); a run may still be writing to it. Answers to this machine
alone, loads nothing from elsewhere, and only reads.
"""


def main(args: list[str]) -> int:
    """Run the verb on its arguments; the process's exit status."""
    parser = build_parser()
    given = parser.parse_args(args)
    if not 0 <= given.port < 65536:
        parser.error(f"--port {given.port}: a port is a number from 0 to 65535")

    def work() -> None:
        from limr.browse.library import Library
        from limr.browse.server import listen, serve

        with listen(given.port) as listener:
            library = Library(
                given.store,
                problems=given.problems,
                columns=parser.instantiate(given).columns,
                missing=given.missing,
            )
            serve(library, listener, open_browser=given.open)

    return in_one_line(work)


def build_parser() -> OneLineParser:
    """The flags."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = OneLineParser(prog="limr browse", usage=_USAGE, description=_DESCRIPTION)
    add = parser.add_argument
    add("store", type=str, metavar="STORE", help="a trajectory store, a folder or an address")
    add("--port", type=int, default=8765, help="0 takes any that is free")
    add(
        "--problems",
        type=str,
        metavar="FILE",
        help="JSON (a list), JSONL, CSV or Parquet; left out: what the run left in its store",
    )
    parser.add_class_arguments(Columns, "columns")
    add(
        "--missing",
        choices=get_args(Missing),
        default="backfill",
        help="LIM's rule for epochs in which a problem was not seen (docs/selection.md)",
    )
    add("--open", action="store_true", help="show the page in a browser")
    return parser
