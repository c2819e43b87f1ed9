"""The study's raw numbers: what `limr compare` and the selections say, as CSV files."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.study.plan import (
    KEY,
    MAIN,
    TUNING,
    tuning_arm,
)
from benchmarks.study.settings import Settings
from limr.files import whole_file
from limr.report.comparison_text import TABLE_COLUMNS
from limr.report.runs import AMOUNTS

RUNS_FILE, INTERVALS_FILE, SELECTIONS_FILE, MIXED_FILE, GUESSES_FILE = (
    "study.csv", "study_intervals.csv", "study_selections.csv", "study_mixed.csv",
    "study_guesses.csv",
)  # fmt: skip
RUN_COLUMNS = (
    *KEY, "benchmark", "step", "questions", "accuracy", "response_length", *AMOUNTS,
    "selection_responses", "selection_tokens",
)  # fmt: skip
SCOPE_COLUMNS = ("base", "ablation", "match", "at", "baseline")
INTERVAL_COLUMNS = (*SCOPE_COLUMNS, *TABLE_COLUMNS)
SELECTION_COLUMNS = (*KEY, "family", "level", "problems", "picked", "also_lim")

ALL = "all"
"""Stands for the bases together."""
SHOWN_BENCHMARKS = ("test", "harder", "unseen")
"""Not `val`, by which the learning rate was chosen."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Runs that `limr compare` sets side by side, and how."""

    base: str
    ablation: str = MAIN
    match: str = "steps"
    at: int | None = None
    """The amount; None is all."""
    baseline: str = "full"
    benchmarks: tuple[str, ...] = SHOWN_BENCHMARKS

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """As `study_intervals.csv` names it."""
        at = "" if self.at is None else str(self.at)
        return (self.base, self.ablation, self.match, at, self.baseline)

    @property
    def folder(self) -> str:
        """Of its report."""
        base, ablation, match, at, baseline = self.key
        middle = [ablation] if ablation != MAIN else []
        return "-".join(
            [base, *middle, f"{match}{at}", *([baseline] if baseline != "full" else [])]
        )

    @property
    def filter(self) -> str:
        """As MLflow's search takes it."""
        conditions = ["attributes.status = 'FINISHED'", f"tags.ablation = '{self.ablation}'"]
        if self.base != ALL:
            conditions.append(f"tags.base = '{self.base}'")
        return " and ".join(conditions)

    @property
    def flags(self) -> list[str]:
        """Of `limr compare`."""
        return [
            *("--filter", self.filter, "--match", self.match, "--baseline", self.baseline),
            *(["--at", str(self.at)] if self.at is not None else []),
            *("--benchmarks", *self.benchmarks),
        ]


def scopes(settings: Settings) -> list[Scope]:
    """What is compared at the end of the runs and, at equal steps, early in them.

    Steps are of equal responses and updates in every arm. Tuning runs come last.
    """
    first, early = next(iter(settings.bases)), settings.early_step
    of_all = partial(Scope, base=ALL)
    tuned = [tuning_arm(rate) for rate in settings.actor_lrs]
    return [
        *(Scope(base=base, at=at) for base in settings.bases for at in (None, early)),
        *(of_all(at=at, baseline=baseline) for at in (None, early) for baseline in ("full", "lim")),
        *(of_all(match=match) for match in ("tokens", "visits")),
        *(
            Scope(base=first, ablation=ablation, at=at)
            for ablation in settings.ablations
            for at in (None, early)
        ),
        *(
            Scope(base=first, ablation=TUNING, baseline=arm, benchmarks=("val",))
            for arm in tuned[:1]
        ),
    ]


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows by their columns; a fraction to six digits."""
    with whole_file(path) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _shown(row[name]) for name in columns})


def _shown(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else f"{value:.6g}"


def numbers(row: Mapping[str, str], columns: Sequence[str]) -> dict[str, Any]:
    """The row with numbers in these columns; what is empty stays so."""
    return {name: float(v) if v and name in columns else v for name, v in row.items()}
