"""Less is more, at small scale: every run, selection, comparison, table and figure of the study.

    make study                 what is not done yet, a few hours on two cores
    make study ARGS=--smoke    the same chain with everything small, ten minutes
    make study ARGS=--list     what is done

Runs lie in runs/study and log to its MLflow database; a run that was killed goes on where it was.
Raw numbers go to benchmarks/results/study*.csv, figures to docs/figures, and the tables of
docs/results.md and README.md are made from the numbers (`--tables` does that alone).
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.study.collecting import collect
from benchmarks.study.figures import draw
from benchmarks.study.plan import make_plan
from benchmarks.study.published import Numbers
from benchmarks.study.results import Scope, scopes
from benchmarks.study.running import Pool, estimate, forked, missing, say
from benchmarks.study.settings import FULL_STUDY, SMOKE, Settings
from benchmarks.study.tables import TABLES, filled

DOCUMENTS = (Path("docs/results.md"), Path("README.md"))


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for; the process's exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--smoke", action="store_true", help="everything small")
    parser.add_argument("--list", action="store_true", help="show what is done, run nothing")
    parser.add_argument("--tables", action="store_true", help="only tables and figures, from CSV")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each")
    given = parser.parse_args(arguments)
    if given.workers < 1:
        parser.error(f"--workers must be >= 1, got {given.workers}")
    settings = SMOKE if given.smoke else FULL_STUDY
    if given.list:
        listing(settings, given.workers)
        return 0
    try:
        if not given.tables and not run(settings, given.workers):
            return 1
    except KeyboardInterrupt:
        sys.stderr.write("stopped; the same command goes on\n")
        return 130
    publish(settings)
    return 0


def listing(settings: Settings, workers: int) -> None:
    """Print every job and whether it is done."""
    jobs = make_plan(settings)
    to_do = missing(settings.root, jobs)
    for job in jobs:
        say(f"{'-' if job in to_do else 'done':5}{job.name}\n")
    say(f"{estimate(to_do, settings.cpu_seconds, workers)}\n")


def run(settings: Settings, workers: int) -> bool:
    """Do what is not done, then compare and collect; whether all of it succeeded."""
    jobs = make_plan(settings)
    to_do = missing(settings.root, jobs)
    say(f"{len(jobs) - len(to_do)} of {len(jobs)} jobs are done\n")
    say(f"{estimate(to_do, settings.cpu_seconds, workers)}\n")
    failed = Pool(settings.root, workers).run(jobs)
    if failed:
        say(f"{len(failed)} jobs failed; the same command tries again\n")
        return False
    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(partial(compare, settings, anew=bool(to_do)), scopes(settings)))
    collect(settings, jobs)
    return True


def compare(settings: Settings, scope: Scope, *, anew: bool) -> None:
    """One report of `limr compare`, also kept in MLflow; where it is already, only if `anew`."""
    output = settings.root / "compare" / scope.folder
    if (output / "index.html").is_file() and not anew:
        return
    log = settings.root / "logs" / f"compare-{scope.folder}.txt"
    process = forked(
        (
            *("limr", "compare", "--experiment", "study", "--tracking_uri", settings.database),
            *(*scope.flags, "--output", str(output)),
        ),
        log,
    )
    process.join()
    if process.exitcode:
        raise RuntimeError(f"limr compare failed ({process.exitcode}): see {log}")
    say(f"report: {output / 'index.html'}\n")


def publish(settings: Settings) -> None:
    """Draw the figures; print the tables, and fill those of the full study into the documents."""
    found = Numbers.read(settings.results)
    for file in draw(found, settings.figures):
        say(f"figure: {file}\n")
    for name, table in TABLES.items():
        say(f"\n{name}\n\n{table(found)}\n")
    for document in DOCUMENTS if settings is FULL_STUDY else ():
        document.write_text(filled(document.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
