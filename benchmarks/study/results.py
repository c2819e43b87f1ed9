"""The study's raw numbers: what `limr compare` and the selections say, as CSV files."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.compute

from benchmarks.study import mixed
from benchmarks.study.plan import (
    KEY,
    MAIN,
    TUNING,
    Cell,
    Job,
    full_of,
    problems_file,
    report_folder,
    run_folder,
    sampled_by,
    samples_base,
    selection_file,
    tuning_arm,
)
from benchmarks.study.settings import Settings
from limr.files import whole_file
from limr.report.comparison_text import TABLE_COLUMNS
from limr.report.runs import AMOUNTS
from limr.trajectories import read_trajectories

RUNS_FILE, INTERVALS_FILE, SELECTIONS_FILE, MIXED_FILE = (
    "study.csv", "study_intervals.csv", "study_selections.csv", "study_mixed.csv",
)  # fmt: skip
RUN_COLUMNS = (
    *KEY, "benchmark", "step", "questions", "accuracy", "response_length", *AMOUNTS,
    "selection_responses", "selection_tokens",
)  # fmt: skip
SCOPE_COLUMNS = ("base", "ablation", "match", "at", "baseline")
INTERVAL_COLUMNS = (*SCOPE_COLUMNS, *TABLE_COLUMNS)
SELECTION_COLUMNS = (*KEY, "family", "level", "problems", "picked")

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


Cost = Callable[[Cell], tuple[float, float]]


def run_rows(
    reports: Sequence[Sequence[Mapping[str, str]]], cells: Mapping[str, Cell], cost: Cost
) -> list[dict[str, Any]]:
    """Every measurement of every run once.

    Args:
        reports: The rows of several `runs.csv`; a run may stand in more than one.
        cells: By run name.
        cost: Responses and tokens that an arm's selection took.

    Raises:
        ValueError: If a report has a run that the plan has not.
    """
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in (row for report in reports for row in report):
        if row["run"] not in cells:
            raise ValueError(
                f"the database has a run {row['run']!r} that is none of this plan's; remove it "
                "there, or use another root"
            )
        cell, step = cells[row["run"]], int(row["step"])
        responses, tokens = cost(cell)
        kept = numbers(row, ("accuracy", "response_length", *AMOUNTS))
        found[row["run"], row["benchmark"], step] = (
            {name: kept[name] for name in RUN_COLUMNS if name in kept}
            | {name: getattr(cell, name) for name in KEY}
            | {"step": step, "selection_responses": responses, "selection_tokens": tokens}
        )
    order = {name: place for place, name in enumerate(cells)}
    return [found[key] for key in sorted(found, key=lambda key: (order[key[0]], *key[1:]))]


def selection_cost(
    cell: Cell, full_runs: Sequence[Mapping[str, str]], sampled: tuple[float, float], epochs: int
) -> tuple[float, float]:
    """Responses and tokens that were drawn before the arm's own run could start.

    Args:
        cell: A run.
        full_runs: Rows of `runs.csv` that have FULL's run of its seed.
        sampled: What the base's sampling pass took.
        epochs: Of FULL.
    """
    if cell.ablation == TUNING or cell.arm in ("full", "online", "random"):
        return 0.0, 0.0
    if samples_base(cell):
        return sampled
    name = full_of(cell).name
    amounts = {
        int(row["step"]): (float(row["responses"]), float(row["tokens"]))
        for row in full_runs
        if row["run"] == name
    }
    used = int(cell.arm.split("-")[1]) if cell.arm.startswith("lim-") else epochs
    last = max(amounts)
    if (step := last * used // epochs) not in amounts:
        raise ValueError(f"run {name!r} was not measured at step {step}, the end of epoch {used}")
    return amounts[step]


def sampling_pass_cost(settings: Settings, cell: Cell) -> tuple[float, float]:
    """Responses and tokens of a pass over the problems."""
    store = report_folder(settings, sampled_by(cell)) / "trajectories"
    lengths = read_trajectories(store, ["response_length"]).column("response_length")
    return float(len(lengths)), float(pyarrow.compute.sum(lengths).as_py())


def picked_rows(
    cell: Cell, problems: Iterable[Mapping[str, Any]], picked: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """How many problems of each family and level there were, and how many were selected."""
    there = Counter((str(row["family"]), str(row["level"])) for row in problems)
    taken = Counter((str(row["family"]), str(row["level"])) for row in picked)
    key = {name: getattr(cell, name) for name in KEY}
    return [
        key | {"family": kind[0], "level": kind[1], "problems": count, "picked": taken[kind]}
        for kind, count in sorted(there.items())
    ]


def collect(settings: Settings, jobs: Sequence[Job]) -> None:
    """Write the four files, from reports and selections that are there.

    Raises:
        ValueError: If something of them is missing.
    """
    folders = {scope: settings.root / "compare" / scope.folder for scope in scopes(settings)}
    cells = {job.cell.name: job.cell for job in jobs if job.kind == "train" and job.cell}
    reports = [
        read_csv(folder / "runs.csv") for scope, folder in folders.items() if scope.base != ALL
    ]
    everything = [row for report in reports for row in report]
    costs: dict[Cell, tuple[float, float]] = {}

    def cost(cell: Cell) -> tuple[float, float]:
        if cell not in costs:
            sampled = (0.0, 0.0)
            if samples_base(cell):
                sampled = sampling_pass_cost(settings, cell)
            costs[cell] = selection_cost(cell, everything, sampled, settings.epochs)
        return costs[cell]

    write_csv(settings.results / RUNS_FILE, RUN_COLUMNS, run_rows(reports, cells, cost))
    intervals = [
        row | dict(zip(SCOPE_COLUMNS, scope.key, strict=True))
        for scope, folder in folders.items()
        for row in read_csv(folder / "comparison.csv")
    ]
    for row in intervals:
        row |= numbers(row, TABLE_COLUMNS[5:12])
    write_csv(settings.results / INTERVALS_FILE, INTERVAL_COLUMNS, intervals)
    selections = [
        row
        for job in jobs
        if job.kind == "select" and job.cell
        for row in picked_rows(
            job.cell,
            _json_lines(problems_file(settings, job.cell)),
            _json_lines(selection_file(settings, job.cell)),
        )
    ]
    write_csv(settings.results / SELECTIONS_FILE, SELECTION_COLUMNS, selections)
    graded = ["step", "problem_id", "status"]
    rollouts = [
        row
        for cell in cells.values()
        for row in mixed.mixed_rows(
            cell,
            read_trajectories(run_folder(settings, cell) / "trajectories", graded),
            settings.early_step,
        )
    ]
    write_csv(settings.results / MIXED_FILE, mixed.COLUMNS, rollouts)


def _json_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
