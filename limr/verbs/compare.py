"""``limr compare``: runs side by side, with intervals, figures and one HTML page."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from jsonargparse import Namespace
from jsonargparse.typing import PositiveFloat

from limr.mistakes import OneLineParser, in_one_line
from limr.report.matching import MATCHES

_USAGE = """\
limr compare --experiment NAME --output DIR [options]
       limr compare --runs ID ... --output DIR [options]
       limr compare --folder DIR --output DIR [options]"""

_DESCRIPTION = """\
Which arm is more accurate, by how much, how surely, how soon? From the runs of an MLflow
experiment or from a folder of runs. An arm is what carries the same tag `arm`, its seeds are
repetitions; without the tag each run is an arm of its own.

DIR gets index.html (one file that needs nothing else), its table as comparison.csv, every
measurement in runs.csv, and the figures as SVG and PNG.
"""


def main(args: list[str]) -> int:
    """Run the verb on its arguments; the process's exit status."""
    parser = build_parser()
    given = parser.parse_args(args)
    if mistake := _mistake(given):
        parser.error(mistake)
    return in_one_line(lambda: compare_runs(given))


def build_parser() -> OneLineParser:
    """The verb's flags."""
    parser = OneLineParser(prog="limr compare", usage=_USAGE, description=_DESCRIPTION)
    add = parser.add_argument
    add("--experiment", type=str, metavar="NAME", help="MLflow experiment whose fits are compared")
    add("--filter", type=str, metavar="TEXT", help="of these, as MLflow's search: tags.study = 'x'")
    add("--runs", type=str, nargs="+", metavar="ID", help="or these MLflow runs")
    add("--tracking_uri", type=str, default="sqlite:///mlflow.db", help="database or server")
    add("--folder", type=str, metavar="DIR", help="or the folders in this one, without MLflow")
    add("--baseline", type=str, default="full", metavar="ARM", help="arm to compare with")
    add("--match", type=Literal[MATCHES], default="steps", help="what to make equal")
    add("--at", type=PositiveFloat, help="how much of it; the most that every run reaches")
    add("--benchmarks", type=str, nargs="+", metavar="NAME", help="only these; all in common")
    add("--output", type=str, required=True, metavar="DIR", help="folder of the report")
    add("--no_log", action="store_true", help="leave MLflow as it is")
    return parser


def _mistake(given: Namespace) -> str | None:
    """What is wrong with the flags together."""
    if [given.experiment, given.runs, given.folder].count(None) != 2:
        return "give one of --experiment, --runs and --folder"
    if given.filter and not given.experiment:
        return "--filter is for the runs of an --experiment"
    return None


def compare_runs(given: Namespace) -> None:
    """Read, compare, report and log.

    Raises:
        ValueError: If runs cannot be read or compared, or the report cannot be written.
    """
    from limr.report.comparison import compare
    from limr.report.comparison_files import metrics, write_report
    from limr.report.comparison_text import summary
    from limr.report.folder_runs import read_folder_runs
    from limr.report.mlflow_runs import experiment_of, read_mlflow_runs
    from limr.report.tracked import track

    with TemporaryDirectory(prefix="limr-compare-") as downloads:
        if given.folder:
            found = read_folder_runs(Path(given.folder))
        else:
            found = read_mlflow_runs(
                given.tracking_uri,
                Path(downloads),
                experiment=given.experiment,
                filter_string=given.filter or "",
                run_ids=given.runs or (),
            )
        comparison = compare(
            found,
            baseline=given.baseline,
            match=given.match,
            at=given.at,
            benchmarks=given.benchmarks or (),
        )
        for note in comparison.notes:
            sys.stderr.write(f"warning: {note}\n")
        what = given.experiment or given.folder or f"{len(given.runs)} runs"
        files = write_report(comparison, Path(given.output), title=f"Comparison: {what}")
    sys.stdout.write(f"{summary(comparison)}\n\nreport: {files[0]}\n")
    if given.folder or given.no_log:
        return
    params = {"baseline": given.baseline, "match": given.match, "amount": comparison.amount}
    run_id = track(
        "compare",
        metrics(comparison),
        params | {"filter": given.filter or "", "runs": len(found.runs)},
        files,
        uri=given.tracking_uri,
        experiment=given.experiment or experiment_of(given.tracking_uri, given.runs[0]),
        name="compare",
        folder="comparison",
    )
    sys.stdout.write(f"logged: run {run_id}\n")
