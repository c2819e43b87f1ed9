"""Mistakes end in one clear line: the parser and the errors of every verb.

Imports neither torch nor lightning, so that verbs without them start in a moment.
"""

import difflib
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, DefaultHelpFormatter

_UNKNOWN_KEY = re.compile(r"(?:option|Option|unrecognized arguments:) '?-*([\w.]+)")
_KEY = re.compile(r'-? *Parser key "([\w.]+)": *')
_SCAFFOLD = re.compile(
    r"-? *(Does not validate against|Subtypes:|Errors:|Problem with given class_path|"
    r"Given value type:|Given value: .*[{(\[]|Expected a <class 'NoneType'>$)"
)


class _HelpFormatter(DefaultHelpFormatter):
    """Keeps the description's lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


class OneLineParser(ArgumentParser):
    """Reports a mistake in one line instead of a page of usage."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"formatter_class": _HelpFormatter, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong, with a suggestion for a misspelt key, and exit with status 2."""
        message += self._suggestion(message)
        if not self.exit_on_error:
            super().error(message, ex)
        sys.stderr.write(f"error: {plain(message)}\nhelp:  {self._command} --help\n")
        sys.exit(2)

    @property
    def _command(self) -> str:
        return self.prog.replace(" [options]", "")

    def _suggestion(self, message: str) -> str:
        found = _UNKNOWN_KEY.search(message)
        if not found or "did you mean" in message:
            return ""
        known = {name for a in self._actions for name in (a.dest or "").split(".")}
        close = difflib.get_close_matches(found[1].rpartition(".")[2], known, n=1)
        return f" (did you mean '{close[0]}'?)" if close else ""


def plain(message: str) -> str:
    """A parser's nested report as one line: the path of keys, then what is wrong there."""
    keys: list[str] = []
    facts: list[str] = []
    for line in map(str.strip, message.splitlines()):
        if key := _KEY.match(line):
            keys.append(key[1])
            line = line[key.end() :]
        if line and not _SCAFFOLD.match(line):
            facts.append(line.removeprefix("- "))
    where = ".".join(keys)
    return f"{where}: {'; '.join(facts)}" if where else "; ".join(facts)


def in_one_line(work: Callable[[], object]) -> int:
    """Do a verb's work and turn limr's own errors into one line.

    Returns:
        The exit status: 0 when the work is done, 1 when limr refused something (bad data, missing
        file), 130 when it was interrupted. Any other exception passes with its traceback.
    """
    try:
        work()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except (ValueError, OSError) as error:
        if not raised_by_limr(error):
            raise
        sys.stderr.write(f"error: {plain(str(error))}\n")
        return 1
    return 0


def raised_by_limr(error: BaseException | None) -> bool:
    """Whether limr's own code raised it, or what caused it, on purpose.

    What a library raised by itself is not for the user to mend and keeps its traceback.
    """
    if error is None:
        return False
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    module = str(frames[-1].f_globals["__name__"]).partition(".")[0] if frames else ""
    return module in ("limr", "evaluators") or raised_by_limr(error.__cause__ or error.__context__)
