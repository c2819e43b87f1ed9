"""From runs, reports and selections to the rows of the CSV files."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.compute

from benchmarks.study import guesses, mixed
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
)
from benchmarks.study.results import (
    ALL,
    GUESSES_FILE,
    INTERVAL_COLUMNS,
    INTERVALS_FILE,
    MIXED_FILE,
    RUN_COLUMNS,
    RUNS_FILE,
    SCOPE_COLUMNS,
    SELECTION_COLUMNS,
    SELECTIONS_FILE,
    Scope,
    numbers,
    read_csv,
    scopes,
    write_csv,
)
from benchmarks.study.settings import Settings
from limr.report.comparison_text import TABLE_COLUMNS
from limr.report.runs import AMOUNTS
from limr.trajectories import read_reward_curves, read_trajectories

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
    cell: Cell,
    problems: Sequence[Mapping[str, Any]],
    picked: Sequence[Mapping[str, Any]],
    by_lim: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Of each family and level: how many problems, how many selected, and how many by LIM, too."""
    lims = {row["id"] for row in by_lim}
    columns = {
        "problems": _counted(problems),
        "picked": _counted(picked),
        "also_lim": _counted([row for row in picked if row["id"] in lims]),
    }
    key = {name: getattr(cell, name) for name in KEY}
    return [
        key
        | {"family": family, "level": level}
        | {name: counts[family, level] for name, counts in columns.items()}
        for family, level in sorted(columns["problems"])
    ]


def _counted(problems: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((str(row["family"]), str(row["level"])) for row in problems)


def collect(settings: Settings, jobs: Sequence[Job]) -> None:
    """Write the five files, from reports, runs and selections that are there.

    Raises:
        ValueError: If something of them is missing.
    """
    folders = {scope: settings.root / "compare" / scope.folder for scope in scopes(settings)}
    cells = {job.cell.name: job.cell for job in jobs if job.kind == "train" and job.cell}
    reports = [
        read_csv(folder / "runs.csv") for scope, folder in folders.items() if scope.base != ALL
    ]
    files = {
        RUNS_FILE: (RUN_COLUMNS, run_rows(reports, cells, _cost(settings, reports))),
        INTERVALS_FILE: (INTERVAL_COLUMNS, _intervals(folders)),
        SELECTIONS_FILE: (SELECTION_COLUMNS, _selections(settings, jobs)),
        MIXED_FILE: (mixed.COLUMNS, _mixed(settings, cells.values())),
        GUESSES_FILE: (guesses.COLUMNS, _guesses(settings, cells.values())),
    }
    for name, (columns, rows) in files.items():
        write_csv(settings.results / name, columns, rows)


def _cost(settings: Settings, reports: Sequence[Sequence[Mapping[str, str]]]) -> Cost:
    everything = [row for report in reports for row in report]

    @cache
    def cost(cell: Cell) -> tuple[float, float]:
        sampled = sampling_pass_cost(settings, cell) if samples_base(cell) else (0.0, 0.0)
        return selection_cost(cell, everything, sampled, settings.epochs)

    return cost


def _intervals(folders: Mapping[Scope, Path]) -> Iterator[dict[str, Any]]:
    for scope, folder in folders.items():
        for row in read_csv(folder / "comparison.csv"):
            key = dict(zip(SCOPE_COLUMNS, scope.key, strict=True))
            yield row | numbers(row, TABLE_COLUMNS[5:12]) | key


def _selections(settings: Settings, jobs: Sequence[Job]) -> Iterator[dict[str, Any]]:
    for cell in (job.cell for job in jobs if job.kind == "select" and job.cell):
        yield from picked_rows(
            cell,
            _json_lines(problems_file(settings, cell)),
            _json_lines(selection_file(settings, cell)),
            _json_lines(selection_file(settings, replace(cell, arm="lim"))),
        )


def _mixed(settings: Settings, cells: Iterable[Cell]) -> Iterator[dict[str, Any]]:
    for cell in cells:
        store = run_folder(settings, cell) / "trajectories"
        rollouts = read_trajectories(store, ["step", "problem_id", "status"])
        yield from mixed.mixed_rows(cell, rollouts, settings.early_step)


def _guesses(settings: Settings, cells: Iterable[Cell]) -> Iterator[dict[str, Any]]:
    for cell in cells:
        if (cell.ablation, cell.arm) == (MAIN, "full"):
            for folder, methods in (
                (run_folder(settings, cell), guesses.OF_A_RUN),
                (report_folder(settings, sampled_by(cell)), guesses.OF_THE_BASE),
            ):
                curves = read_reward_curves(folder / "trajectories")
                yield from guesses.guess_rows(
                    cell, curves, methods, settings.top_k, settings.guesses
                )


def _json_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
