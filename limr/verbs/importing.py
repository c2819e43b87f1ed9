"""``limr import``: other tools' rollouts into a trajectory store."""

import sys
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from jsonargparse import Namespace, set_parsing_settings

from limr.mistakes import OneLineParser, in_one_line
from limr.trajectories.importers import (
    LIMR,
    VERL,
    Grading,
    ImportSummary,
    StepOptions,
    TableColumns,
    read_accuracies,
    read_steps,
    read_table,
    trl_format,
    write_store,
)
from limr.trajectories.importers.responses import Step

_USAGE = "limr import FORMAT --input PATH --output STORE [options]"

_DESCRIPTION = """\
Read what another tool kept of its rollouts into a trajectory store, for `limr select`.

formats:
  limr        folder of the original's step_{n}.json
  accuracies  JSON object, problem -> accuracies by epoch (One-Shot-RLVR's acc_step_500.json)
  verl        folder of verl's {step}.jsonl (trainer.rollout_data_dir)
  trl         folder of TRL's completions_{step}.parquet (log_completions)
  table       CSV, JSONL, JSON or Parquet file with one response in each row

what a format takes:
  limr import FORMAT --help

Malformed input is refused by file and row, and nothing is left of a store that was begun. What a
dump does not tell is -1 (response length, policy version), false (truncated) or null.
"""


class _Format(NamedTuple):
    add_options: Callable[[OneLineParser], None]
    read: Callable[[Namespace], Iterator[Step]]


def _add_step_options(parser: OneLineParser) -> None:
    parser.add_class_arguments(StepOptions)


def _add_accuracy_options(parser: OneLineParser) -> None:
    parser.add_argument("--samples", type=int, required=True, help="responses behind each accuracy")


def _add_trl_options(parser: OneLineParser) -> None:
    parser.add_argument(
        "--reward_column", type=str, help="the reward function to go by; left out for the only one"
    )
    _add_step_options(parser)


def _add_table_options(parser: OneLineParser) -> None:
    parser.add_class_arguments(TableColumns, "columns")
    parser.add_class_arguments(Grading, "grading")


def _step_options(given: Namespace) -> StepOptions:
    taken = {name: getattr(given, name) for name in StepOptions.__dataclass_fields__}
    return StepOptions(**taken)


FORMATS: dict[str, _Format] = {
    "limr": _Format(
        _add_step_options, lambda given: read_steps(given.input, LIMR, _step_options(given))
    ),
    "accuracies": _Format(
        _add_accuracy_options, lambda given: read_accuracies(given.input, given.samples)
    ),
    "verl": _Format(
        _add_step_options, lambda given: read_steps(given.input, VERL, _step_options(given))
    ),
    "trl": _Format(
        _add_trl_options,
        lambda given: read_steps(
            given.input, trl_format(given.reward_column), _step_options(given)
        ),
    ),
    "table": _Format(
        _add_table_options, lambda given: read_table(given.input, given.columns, given.grading)
    ),
}
"""By the names on the command line."""


def main(args: list[str]) -> int:
    """Run the verb on its arguments; the process's exit status."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    name = args[0] if args else "--help"
    if name in ("-h", "--help"):
        sys.stdout.write(f"usage: {_USAGE}\n\n{_DESCRIPTION}")
        return 0
    if name not in FORMATS:
        sys.stderr.write(f"error: no format {name!r}; limr imports {', '.join(FORMATS)}\n")
        return 2
    parser = build_parser(name)
    given = parser.instantiate(parser.parse_args(args[1:]))

    def work() -> None:
        run_id = f"{name}:{PurePosixPath(given.input).name}"
        found = write_store(given.output, run_id, FORMATS[name].read(given))
        sys.stdout.write(summary(found, given.output) + "\n")

    return in_one_line(work)


def build_parser(name: str) -> OneLineParser:
    """The flags of one format."""
    parser = OneLineParser(
        prog=f"limr import {name}",
        usage=_USAGE.replace("FORMAT", name),
        description=_DESCRIPTION.partition("\n")[0],
    )
    path: dict[str, Any] = {"type": str, "required": True, "metavar": "PATH"}
    parser.add_argument("--input", help="what to read, a path or a URL", **path)
    parser.add_argument("--output", help="the store's folder, a path or a URL", **path)
    FORMATS[name].add_options(parser)
    return parser


def summary(found: ImportSummary, output: str) -> str:
    """One line: how much there is, and how much of it is correct."""
    return (
        f"imported {found.responses} responses to {found.problems} problems over {found.epochs} "
        f"epochs, {found.correct / found.responses:.1%} correct: {output}"
    )
