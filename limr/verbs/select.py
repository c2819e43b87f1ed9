"""``limr select``: the problems worth training on, with a report of what was selected."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jsonargparse import Namespace, set_parsing_settings
from numpy.typing import NDArray

from limr.mistakes import OneLineParser, in_one_line
from limr.selection import LIM, METHODS, Selector, choose
from limr.selection.scores import Floats
from limr.tables import Columns, ProblemRow, read_problem_rows
from limr.trajectories import RewardCurves, read_reward_curves
from limr.types import Problem
from limr.verbs.scored import aligned, read_scores, rows_of, write_problems

_USAGE = """\
limr select --trajectories PATH [--problems FILE] --output FILE [options]
       limr select --scores FILE --problems FILE --threshold T --output FILE [options]
       limr select --method mean_band --model NAME --problems FILE --output FILE [options]"""

_DESCRIPTION = """\
Which problems are worth training on? From a run's trajectories (or other tools', see limr import),
from a file of scores, or from one sampling pass of a model (--method mean_band --model NAME).

methods: {methods}, or a Selector's class path
  --method lim --method.missing ignore    a method's options; all of them: --method.help LIM

The output has the rows of the problem file that were selected, every field as it was, ready for
data.problems and data.ids_file; without --problems it has only ids. It appears when it is whole.
The report lies in OUTPUT without its suffix + _report, and in MLflow.
"""

_STRATA = ("family", "level")
_ONE_PASS = {f"limr.selection.{name}" for name in ("PassRate", "MeanBand", "Variance")}
"""Methods to which one visit of each problem says something."""


class _Scored(NamedTuple):
    ids: Sequence[str]
    scores: Floats
    curves: RewardCurves | None


def main(args: list[str]) -> int:
    """Run the verb on its arguments; the process's exit status."""
    samples = any(arg.partition("=")[0] == "--model" for arg in args)
    parser = build_parser(sampling=samples)
    given = parser.parse_args(_with_class_paths(args))
    if mistake := _mistake(given):
        parser.error(mistake)

    def work() -> None:
        select(parser.instantiate(given))

    return in_one_line(work)


def _with_class_paths(args: list[str]) -> list[str]:
    """`--method lim` as `--method limr.selection.LIM`."""
    paths = {name: f"limr.selection.{method.__name__}" for name, method in METHODS.items()}
    replaced: list[str] = []
    for arg in args:
        flag, is_pair, value = arg.partition("=")
        if flag == "--method" and is_pair:
            arg = f"{flag}={paths.get(value, value)}"
        elif replaced and replaced[-1] == "--method":
            arg = paths.get(arg, arg)
        replaced.append(arg)
    return replaced


def build_parser(*, sampling: bool = False) -> OneLineParser:
    """The verb's flags; those of a sampling pass only on request, for they import torch."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    parser = OneLineParser(
        prog="limr select",
        usage=_USAGE,
        description=_DESCRIPTION.format(methods=", ".join(METHODS)),
    )
    add = parser.add_argument
    add("--trajectories", type=str, metavar="PATH", help="a run's trajectory store")
    add("--scores", type=str, metavar="FILE", help='rows {"id" or "prompt", "score"}')
    add("--problems", type=str, metavar="FILE", help="JSON (a list), JSONL, CSV or Parquet")
    parser.add_class_arguments(Columns, "columns")
    add("--method", type=Selector, metavar="NAME", help="what to score by; left out: lim")
    add("--threshold", type=float, help="all from this score on; left out: the method's own")
    add("--strict", action="store_true", help="leave out scores equal to the threshold")
    add("--top_k", type=int, help="this many")
    add("--fraction", type=float, help="this share of all problems")
    add("--stratify", type=Literal[_STRATA], help="share top_k or fraction out among these")
    add("--epochs", type=int, metavar="K", help="use the first K epochs only")
    add("--output", type=str, required=True, metavar="FILE", help="JSONL file to write")
    add("--report", type=str, metavar="DIR", help="folder of the report")
    add("--experiment", type=str, default="limr", help="MLflow experiment")
    add(
        "--tracking_uri",
        type=str | None,
        default="sqlite:///mlflow.db",
        help="MLflow's database or server; null does not track",
    )
    if sampling:
        from limr.training.sampling_pass import SamplingPass

        parser.add_class_arguments(SamplingPass)
    else:
        add("--model", type=str, metavar="NAME", help="sample from it; its --help shows how")
    return parser


def _mistake(given: Namespace) -> str | None:
    """What is wrong with the flags together."""
    sources = [given.trajectories, given.scores, given.model]
    if sources.count(None) != 2:
        return "give one of --trajectories, --scores and --model"
    if [given.threshold, given.top_k, given.fraction].count(None) < 2:
        return "give one of --threshold, --top_k and --fraction"
    if given.scores and (given.method or given.epochs):
        return "--scores are final: --method and --epochs have nothing to do"
    if given.model and not given.problems:
        return "--model needs --problems to sample responses to"
    if given.model and (given.method or {}).get("class_path") not in _ONE_PASS:
        return "--model samples one pass, for --method pass_rate, mean_band or variance"
    if given.stratify and given.top_k is None and given.fraction is None:
        return "--stratify shares out --top_k or --fraction"
    if given.stratify and not (given.problems and given.columns[given.stratify]):
        return f"--stratify {given.stratify} needs --problems and --columns.{given.stratify}"
    return None


def select(given: Namespace) -> None:
    """Score, choose, report and write.

    Raises:
        ValueError: If something cannot be read or written, or nothing is selected.
    """
    from limr.report.selection import Selection, describe_curves, describe_scores
    from limr.report.selection_files import metrics, write_report
    from limr.report.selection_text import summary
    from limr.report.tracked import track

    output = Path(given.output)
    folder = Path(given.report) if given.report else output.with_name(f"{output.stem}_report")
    problems = None
    if given.problems is not None:
        problems = read_problem_rows(given.problems, given.columns)
    selector = None if given.scores else given.method or LIM()
    scored = _score(given, selector, problems, folder)
    groups = _groups(scored.ids, problems, given.columns)
    arguments = _rule(given, selector, groups)

    def rule(ids: NDArray[np.str_], scores: Floats) -> list[str]:
        return choose(ids, scores, **arguments)

    ids = np.array(scored.ids, str)
    chosen = rule(ids, scored.scores)
    described = _described(given, arguments)
    if not chosen:
        highest = np.nanmax(scored.scores, initial=-np.inf)
        raise ValueError(f"no problem is selected by {described}; the highest score is {highest}")
    selection = Selection(
        problem_ids=ids, scores=scored.scores, chosen=np.isin(ids, chosen), groups=groups
    )
    rows = rows_of(selection.chosen_ids, problems)
    params = {
        "source": given.trajectories or given.scores,
        "problem_file": given.problems,
        "method": "scores from a file" if selector is None else _named(selector),
        "rule": described,
    }
    found = params | {"notes": _notes(rows, given.columns)} | describe_scores(selection)
    if scored.curves is not None and selector is not None:
        found |= describe_curves(selection, scored.curves, selector, rule)
    files = write_report(found, selection, folder)
    write_problems(output, rows)
    if given.tracking_uri:
        place = {"uri": given.tracking_uri, "experiment": given.experiment}
        track("select", metrics(found), params, files, folder="selection", **place)
    sys.stdout.write(f"{summary(found, given.output)}\nreport: {folder / 'report.md'}\n")


def _score(
    given: Namespace,
    selector: Selector | None,
    problems: Sequence[ProblemRow] | None,
    folder: Path,
) -> _Scored:
    if selector is None:
        ids, scores = read_scores(given.scores, problems)
        return _Scored(ids, scores, None)
    if given.model:
        given.trajectories = str(folder / "trajectories")
        _sample(given, problems or ())
    curves = read_reward_curves(given.trajectories)
    if given.epochs is not None:
        if not 1 <= given.epochs <= len(curves.epochs):
            raise ValueError(f"--epochs {given.epochs}: there are {len(curves.epochs)} epochs")
        curves = curves.select_epochs(upto=int(curves.epochs[given.epochs - 1]))
    if problems is not None:
        curves = aligned(curves, [problem.id for problem in problems])
    return _Scored(curves.problem_ids.tolist(), selector.scores(curves), curves)


def _sample(given: Namespace, problems: Sequence[ProblemRow]) -> None:
    from inspect import signature

    import transformers

    from limr.training.sampling_pass import SamplingPass

    transformers.utils.logging.disable_progress_bar()
    options = {name: given[name] for name in signature(SamplingPass).parameters}
    golds = [row.get(given.columns.answer) for _id, _prompt, row in problems]
    SamplingPass(**options).run(
        [
            Problem(id=row.id, prompt=row.prompt, answer="" if gold is None else str(gold))
            for row, gold in zip(problems, golds, strict=True)
        ],
        given.trajectories,
    )


def _groups(
    ids: Sequence[str], problems: Sequence[ProblemRow] | None, columns: Columns
) -> dict[str, list[str]]:
    """Each stratum's names in the order of the ids, for the columns that were named."""
    named = {name: getattr(columns, name) for name in _STRATA}
    rows = {problem.id: problem.row for problem in problems or ()}
    return {
        name: [str(rows[key].get(column) or "") for key in ids]
        for name, column in named.items()
        if column is not None and rows
    }


def _rule(
    given: Namespace, selector: Selector | None, groups: dict[str, list[str]]
) -> dict[str, Any]:
    """What :func:`limr.selection.choose` is told besides ids and scores."""
    common = {"strict": given.strict, "groups": groups[given.stratify] if given.stratify else None}
    for name in ("top_k", "fraction"):
        if given[name] is not None:
            return {name: given[name], **common}
    default = None if selector is None else selector.default_threshold
    threshold = default if given.threshold is None else given.threshold
    if threshold is None:
        what = "scores from a file have" if selector is None else f"{_named(selector)} has"
        raise ValueError(f"{what} no threshold of its own; give --threshold, --top_k or --fraction")
    return {"threshold": threshold, **common}


def _described(given: Namespace, arguments: dict[str, Any]) -> str:
    if "threshold" in arguments:
        return f"score {'>' if given.strict else '>='} {arguments['threshold']}"
    name = "top_k" if "top_k" in arguments else "fraction"
    within = f", shared out by {given.stratify}" if given.stratify else ""
    return f"{name} {arguments[name]}{within}"


def _named(selector: Selector) -> str:
    """The method's name and options: ``lim (reward=accuracy, missing=backfill)``."""
    names = {method: name for name, method in METHODS.items()}
    name = names.get(type(selector), type(selector).__qualname__)
    options = ", ".join(f"{option}={value}" for option, value in vars(selector).items())
    return f"{name} ({options})" if options else name


def _notes(rows: Sequence[dict[str, Any]], columns: Columns) -> list[str]:
    """What a person should know about the problems that were selected."""
    from limr.verifier import check_gold

    golds = {str(row["id"]): row[columns.answer] for row in rows if columns.answer in row}
    bad = [key for key, gold in golds.items() if check_gold("" if gold is None else str(gold))]
    if not bad:
        return []
    return [
        f"{len(bad)} selected problems have gold answers that cannot be graded: "
        f"{', '.join(bad[:5])}{' ...' if len(bad) > 5 else ''}"
    ]
