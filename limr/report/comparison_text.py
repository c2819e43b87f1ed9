"""A comparison as text for the terminal and as rows for other tools."""

import csv
from pathlib import Path

from limr.files import whole_file
from limr.report.comparison import Comparison, Row
from limr.report.intervals import Estimate
from limr.report.runs import AMOUNTS
from limr.report.text_tables import align, interval, percent

CSV_COLUMNS = (
    "run", "run_id", "arm", "seed", "status", "benchmark", "step", *AMOUNTS, "questions",
    "accuracy", "response_length", "compared",
)  # fmt: skip
TABLE_COLUMNS = (
    "benchmark", "arm", "seeds", "first_step", "last_step", "accuracy", "low", "high", "difference",
    "difference_low", "difference_high", "response_length", "reached",
)  # fmt: skip


def summary(comparison: Comparison) -> str:
    """What is compared at which amount, and a row for each benchmark and arm."""
    head = [
        "benchmark", "arm", "seeds", "step", "accuracy %", "95 %", "difference", "95 %", "tokens",
        "baseline's final at",
    ]  # fmt: skip
    rows = [
        [
            row.benchmark if index == 0 else "",
            row.arm,
            str(row.seeds),
            steps_text(row),
            percent(row.accuracy.value),
            interval(row.accuracy.low, row.accuracy.high),
            *difference_text(row.difference),
            f"{row.length:.1f}",
            reached_text(row),
        ]
        for benchmark in comparison.benchmarks
        for index, row in enumerate(comparison.rows_of(benchmark))
    ]
    return f"{heading(comparison)}\n\n{align(head, rows)}"


def heading(comparison: Comparison) -> str:
    """What was made equal, in one line."""
    amount = f"{comparison.amount:,.2f}".rstrip("0").rstrip(".")
    what = comparison.match.replace("_", " ")
    reached = ", the most that every run reaches" if comparison.at_most else ""
    return f"compared with {comparison.baseline.name} at {amount} {what}{reached}"


def difference_text(difference: Estimate | None) -> tuple[str, str]:
    """A difference in percentage points and its interval; dashes where there is none."""
    if difference is None:
        return "-", "-"
    value, low, high = (f"{100 * end:+.1f}" for end in difference)
    return value, f"[{low}, {high}]"


def steps_text(row: Row) -> str:
    """The step that was measured, or the first and the last of several."""
    low, high = min(row.steps), max(row.steps)
    return str(low) if low == high else f"{low}-{high}"


def reached_text(row: Row) -> str:
    """By seed, the first step with the baseline's final accuracy."""
    return ", ".join("never" if step is None else str(step) for step in row.reached) or "-"


def write_runs(comparison: Comparison, path: Path) -> None:
    """Write ``runs.csv``: every run's every measurement.

    `compared` says which of them the tables show; amounts that a run does not tell are empty.

    Raises:
        ValueError: If the file cannot be written.
    """
    with whole_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for run in (run for arm in comparison.arms for run in arm.runs):
            for name in comparison.questions:
                compared = comparison.compared(run, name).step
                for step, one in run.measured[name].items():
                    of_run = (run.name, run.id, run.arm, run.seed, run.status)
                    amounts = [run.progress.get(what, {}).get(step, "") for what in AMOUNTS]
                    values = (len(one.shares), one.accuracy, one.length, int(step == compared))
                    writer.writerow([*of_run, name, step, *amounts, *values])


def write_table(comparison: Comparison, path: Path) -> None:
    """Write ``comparison.csv``: a row for each benchmark and arm, accuracies as fractions.

    The baseline has no difference. `reached` holds each seed's step, by spaces, or `never`.

    Raises:
        ValueError: If the file cannot be written.
    """
    with whole_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TABLE_COLUMNS)
        for row in comparison.rows:
            reached = " ".join("never" if step is None else str(step) for step in row.reached)
            steps = (row.seeds, min(row.steps), max(row.steps))
            difference = row.difference or ("", "", "")
            numbers = (*row.accuracy, *difference, row.length)
            writer.writerow([row.benchmark, row.arm, *steps, *numbers, reached])
