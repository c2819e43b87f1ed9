"""The tables of docs/results.md, from the committed CSV files alone.

A document marks where a table stands:

    <!-- study: arms -->
    ...
    <!-- end -->
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.study.plan import MAIN, TUNING
from benchmarks.study.results import (
    ALL,
    INTERVALS_FILE,
    RUNS_FILE,
    SELECTIONS_FILE,
    numbers,
    read_csv,
)
from limr.report.comparison import AVERAGE
from limr.report.comparison_text import TABLE_COLUMNS
from limr.report.runs import AMOUNTS

SHIFTED = ("test", "harder", "unseen")
"""Benchmarks that the tables show; `val` was for choosing hyper-parameters."""
BUDGETS = (0.5, 1.0, 1.5, 2.0)
"""Of what FULL's whole run draws, selection included."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Numbers:
    """What the CSV files hold."""

    runs: Sequence[Row]
    intervals: Sequence[Row]
    selections: Sequence[Row]

    @classmethod
    def read(cls, folder: Path) -> "Numbers":
        """Read the three files."""
        counted = (
            "step", "accuracy", "response_length", *AMOUNTS, "selection_responses",
            "selection_tokens",
        )  # fmt: skip
        return cls(
            [numbers(row, counted) for row in read_csv(folder / RUNS_FILE)],
            [numbers(row, TABLE_COLUMNS[2:12]) for row in read_csv(folder / INTERVALS_FILE)],
            [numbers(row, ("problems", "picked")) for row in read_csv(folder / SELECTIONS_FILE)],
        )

    def main(self) -> list[Row]:
        """Runs on the study's own mix."""
        return [row for row in self.runs if row["ablation"] == MAIN]


def arms_table(found: Numbers) -> str:
    """Accuracy and difference to FULL at equal steps, each base and all."""
    lines = table_head(["base", "arm", "seeds", *SHIFTED, "average less FULL's (95 %)"])
    for base in _distinct(found.intervals, "base"):
        rows = {
            (row["arm"], row["benchmark"]): row
            for row in found.intervals
            if (row["base"], row["ablation"], row["match"]) == (base, MAIN, "steps")
        }
        for arm in dict.fromkeys(arm for arm, _ in rows):
            shown = [with_interval(rows[arm, name]) for name in SHIFTED]
            average = rows[arm, AVERAGE]
            line = [base, arm, f"{average['seeds']:.0f}", *shown, difference(average)]
            lines.append(table_row(line))
    return "\n".join(lines)


def soon_table(found: Numbers) -> str:
    """The first measured step at which an arm has FULL's final accuracy, over all bases' seeds."""
    lines = table_head(["arm", *(f"{name}: median step (never)" for name in SHIFTED)])
    for arm in _distinct(found.main(), "arm"):
        cells = []
        for name in SHIFTED:
            steps = _steps_to_full(found.main(), arm, name)
            reached = [step for step in steps if step is not None]
            middle = f"{median(reached):g}" if 2 * len(reached) > len(steps) else "-"
            cells.append(f"{middle} ({len(steps) - len(reached)} of {len(steps)})")
        lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


def _steps_to_full(rows: Sequence[Row], arm: str, benchmark: str) -> list[float | None]:
    """By run; FULL's final accuracy is the mean of its runs of the same base."""
    found: list[float | None] = []
    for base in _distinct(rows, "base"):
        of_base = [r for r in rows if (r["base"], r["benchmark"]) == (base, benchmark)]
        target = fmean(run[-1]["accuracy"] for run in by_run(of_base, "full"))
        for run in by_run(of_base, arm):
            reached = [row["step"] for row in run if row["accuracy"] >= target - 1e-6]
            found.append(reached[0] if reached else None)
    return found


def costs_table(found: Numbers) -> str:
    """What selection and training drew, thousands of responses and tokens, mean over runs."""
    lines = table_head(
        ["arm", "selection: responses", "tokens", "training: responses", "tokens", "visits"]
    )
    for arm in _distinct(found.main(), "arm"):
        last = [run[-1] for run in by_run(_one_benchmark(found.main()), arm)]
        kinds = ("selection_responses", "selection_tokens", "responses", "tokens")
        cells = [f"{fmean(row[kind] for row in last) / 1000:.1f}" for kind in kinds]
        lines.append(table_row([arm, *cells, f"{fmean(row['visits'] for row in last):.1f}"]))
    return "\n".join(lines)


def budget_table(found: Numbers) -> str:
    """Accuracy on `test` at equal total responses, those of the selection included."""
    rows = [row for row in found.main() if row["benchmark"] == "test"]
    whole = fmean(run[-1]["responses"] for run in by_run(rows, "full"))
    lines = table_head(["arm", *(f"{budget:g} x FULL" for budget in BUDGETS)])
    for arm in _distinct(rows, "arm"):
        cells = []
        for budget in BUDGETS:
            reached = [affordable(run, budget * whole) for run in by_run(rows, arm)]
            known = [row["accuracy"] for row in reached if row is not None]
            cells.append(percent(fmean(known)) if known and len(known) == len(reached) else "-")
        lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


def affordable(run: Sequence[Row], responses: float) -> Row | None:
    """A run's last measurement whose policy and selection drew no more; None before its start."""
    paid = [
        row
        for row in run
        if row["selection_responses"] + row["responses"] <= responses * (1 + 1e-9)
    ]
    return paid[-1] if paid and paid[-1]["step"] > 0 else None


def ablations_table(found: Numbers) -> str:
    """Under each change of the problems: accuracy on `test` and the average's difference."""
    lines = table_head(["problems", "arm", "seeds", "test", "average less FULL's (95 %)"])
    base = found.runs[0]["base"]
    rows = {
        (row["ablation"], row["arm"], row["benchmark"]): row
        for row in found.intervals
        if (row["base"], row["match"]) == (base, "steps")
    }
    changed = {ablation: None for ablation, _, _ in rows if ablation not in (MAIN, TUNING)}
    arms = list(dict.fromkeys(arm for ablation, arm, _ in rows if ablation in changed))
    for ablation in (MAIN, *changed):
        for arm in arms:
            one, average = rows[ablation, arm, "test"], rows[ablation, arm, AVERAGE]
            name = "as they are" if ablation == MAIN else ablation.replace("_", " ")
            line = [name, arm, f"{one['seeds']:.0f}", with_interval(one), difference(average)]
            lines.append(table_row(line))
    return "\n".join(lines)


def tuning_table(found: Numbers) -> str:
    """FULL's accuracy on `val` after its last step, for each learning rate tried."""
    rows = [r for r in found.runs if (r["ablation"], r["benchmark"]) == (TUNING, "val")]
    lines = table_head(["arm", "seeds", "val: mean", "of each seed"])
    for arm in _distinct(rows, "arm"):
        last = [run[-1]["accuracy"] for run in by_run(rows, arm)]
        each = ", ".join(map(percent, last))
        lines.append(table_row([arm, str(len(last)), percent(fmean(last)), each]))
    return "\n".join(lines)


def picked_table(found: Numbers) -> str:
    """Problems that each method picked by level, mean over seeds and bases; first, how many are."""
    rows = [row for row in found.selections if row["ablation"] == MAIN]
    levels = _distinct(rows, "level")
    lines = table_head(["arm", *levels])
    arms = _distinct(rows, "arm")
    for arm, column in [("(all)", "problems"), *((arm, "picked") for arm in arms)]:
        of_arm = [row for row in rows if row["arm"] == (arms[0] if arm == "(all)" else arm)]
        selections = len({(row["base"], row["seed"]) for row in of_arm})
        cells = [
            f"{sum(row[column] for row in of_arm if row['level'] == level) / selections:.1f}"
            for level in levels
        ]
        lines.append(table_row([arm, *cells]))
    return "\n".join(lines)


TABLES: Mapping[str, Callable[[Numbers], str]] = {
    "arms": arms_table,
    "soon": soon_table,
    "costs": costs_table,
    "budget": budget_table,
    "ablations": ablations_table,
    "tuning": tuning_table,
    "picked": picked_table,
}
"""By the name in a document's marks."""

_MARKED = re.compile(r"(<!-- study: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(text: str, found: Numbers) -> str:
    """A document with its marked tables made anew.

    Raises:
        ValueError: If a mark names no table.
    """

    def table(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise ValueError(f"no table {match[2]!r}; there are {', '.join(TABLES)}")
        return f"{match[1]}{TABLES[match[2]](found)}\n{match[4]}"

    return _MARKED.sub(table, text)


def by_run(rows: Sequence[Row], arm: str) -> list[list[Row]]:
    """An arm's rows by run, each by step; of one benchmark and one ablation."""
    runs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["arm"] == arm:
            runs.setdefault((row["base"], row["seed"]), []).append(row)
    return [sorted(run, key=lambda row: row["step"]) for run in runs.values()]


def _one_benchmark(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["benchmark"] == "test"]


def _distinct(rows: Sequence[Row], column: str) -> list[str]:
    names = list(dict.fromkeys(str(row[column]) for row in rows))
    return sorted(names, key=lambda name: name == ALL)


def percent(value: float) -> str:
    """A fraction in percent.

    >>> percent(0.4567)
    '45.7'
    """
    return f"{100 * value:.1f}"


def with_interval(row: Row) -> str:
    """Accuracy and its interval, in percent."""
    return f"{percent(row['accuracy'])} ({percent(row['low'])} to {percent(row['high'])})"


def difference(row: Row) -> str:
    """Difference to the baseline and its interval, in points."""
    if row["difference"] == "":
        return "-"
    value, low, high = (
        f"{100 * row[name]:+.1f}" for name in ("difference", "difference_low", "difference_high")
    )
    return f"{value} ({low} to {high})"


def table_head(names: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return [table_row(names), "|" + "---|" * len(names)]


def table_row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"
