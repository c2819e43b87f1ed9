"""What the committed CSV files hold, by run and by report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.study import guesses, mixed
from benchmarks.study.plan import KEY, MAIN
from benchmarks.study.results import (
    ALL,
    GUESSES_FILE,
    INTERVALS_FILE,
    MIXED_FILE,
    RUNS_FILE,
    SCOPE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTIONS_FILE,
    Scope,
    numbers,
    read_csv,
)
from limr.report.comparison import AVERAGE
from limr.report.comparison_text import TABLE_COLUMNS
from limr.report.runs import AMOUNTS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Numbers:
    """What the CSV files hold."""

    runs: Sequence[Row]
    intervals: Sequence[Row]
    selections: Sequence[Row]
    mixed: Sequence[Row]
    guesses: Sequence[Row]

    @classmethod
    def read(cls, folder: Path) -> "Numbers":
        """Read the five files."""
        counted = (
            "step", "accuracy", "response_length", *AMOUNTS, "selection_responses",
            "selection_tokens",
        )  # fmt: skip
        return cls(
            [numbers(row, counted) for row in read_csv(folder / RUNS_FILE)],
            [numbers(row, TABLE_COLUMNS[2:12]) for row in read_csv(folder / INTERVALS_FILE)],
            [numbers(row, SELECTION_COLUMNS[-3:]) for row in read_csv(folder / SELECTIONS_FILE)],
            [numbers(row, mixed.COLUMNS[len(KEY) :]) for row in read_csv(folder / MIXED_FILE)],
            [numbers(row, guesses.COLUMNS[len(KEY) :]) for row in read_csv(folder / GUESSES_FILE)],
        )

    def main(self) -> list[Row]:
        """Runs on the study's own mix."""
        return [row for row in self.runs if row["ablation"] == MAIN]

    def compared(self, scope: Scope) -> dict[tuple[str, str], Row]:
        """The rows of a report, by arm and benchmark."""
        return {
            (row["arm"], row["benchmark"]): row
            for row in self.intervals
            if tuple(row[name] for name in SCOPE_COLUMNS) == scope.key
        }

    @property
    def early_step(self) -> int:
        """The one at which the arms were compared before their end."""
        return int(next(row["at"] for row in self.intervals if row["at"]))


def by_run(rows: Sequence[Row], arm: str) -> list[list[Row]]:
    """An arm's rows by run, each by step; of one benchmark and one ablation."""
    runs: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["arm"] == arm:
            runs.setdefault((row["base"], row["seed"]), []).append(row)
    return [sorted(run, key=lambda row: row["step"]) for run in runs.values()]


def averaged(rows: Sequence[Row]) -> list[Row]:
    """One row for each run and step: accuracy is the mean over the benchmarks."""
    grouped: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = tuple(row[name] for name in (*KEY, "step"))
        grouped.setdefault(key, []).append(row)
    return [
        {**group[0], "benchmark": AVERAGE, "accuracy": fmean(row["accuracy"] for row in group)}
        for group in grouped.values()
    ]


def affordable(run: Sequence[Row], responses: float) -> Row | None:
    """A run's last measurement whose policy and selection drew no more; None before its start."""
    paid = [
        row
        for row in run
        if row["selection_responses"] + row["responses"] <= responses * (1 + 1e-9)
    ]
    return paid[-1] if paid and paid[-1]["step"] > 0 else None


def distinct(rows: Sequence[Row], column: str) -> list[str]:
    """A column's values, in order, `ALL` last."""
    names = list(dict.fromkeys(str(row[column]) for row in rows))
    return sorted(names, key=lambda name: name == ALL)
