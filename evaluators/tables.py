"""Evaluation results as tables: plain text with shares in percent, and JSON for MLflow."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.metrics import Summary
from limr.files import whole_file
from limr.report.intervals import Estimate
from limr.report.text_tables import align, interval, natural, percent


class Group(NamedTuple):
    """What one table row is about: a benchmark, or the part of it with one family or level."""

    benchmark: str
    kind: str = ""
    """``"family"`` or ``"level"``, empty for the whole benchmark."""
    name: str = ""


def results_table(summaries: Mapping[Group, Summary]) -> str:
    """One row per benchmark, and where present per family and level under it."""
    header = ["benchmark", "questions", "accuracy %", "95 %", "format %", "truncated %", "tokens"]
    rows = []
    for group, s in sorted(summaries.items(), key=lambda item: _order(item[0])):
        m = s.measures
        rows.append(
            [
                f"  {group.kind} {group.name}" if group.kind else group.benchmark,
                str(s.questions),
                *estimate(m["accuracy"]),
                percent(m["format_rate"].value),
                percent(m["truncated"].value),
                f"{m['response_length'].value:.1f}",
            ]
        )
    return align(header, rows)


def samples_table(summaries: Mapping[Group, Summary]) -> str:
    """pass@k and maj@n of the benchmarks with several samples per question; empty without any."""
    rows = [
        [group.benchmark, name.replace("_at_", "@"), *estimate(s.measures[name])]
        for group, s in sorted(summaries.items(), key=lambda item: _order(item[0]))
        for name in s.measures
        if not group.kind and "_at_" in name
    ]
    return align(["benchmark", "measure", "%", "95 %"], rows) if rows else ""


def estimate(share: Estimate) -> tuple[str, str]:
    """A share and its interval, in percent."""
    return percent(share.value), interval(share.low, share.high)


def _order(group: Group) -> tuple[list[tuple[int, int, str]], str, list[tuple[int, int, str]]]:
    return natural(group.benchmark), group.kind, natural(group.name)


def change_table(
    before: Mapping[str, Summary],
    after: Mapping[str, Summary],
    changes: Mapping[str, tuple[float, float, float]],
    *,
    last: int,
) -> str:
    """Accuracy at step 0 and at step `last`, and the paired change, each with its interval."""
    header = ["benchmark", "questions", "accuracy % at step 0", "95 %"]
    header += [f"at step {last}", "95 %", "change", "95 %"]
    rows = []
    for benchmark in sorted(changes, key=natural):
        b, a = before[benchmark].measures["accuracy"], after[benchmark].measures["accuracy"]
        change, low, high = changes[benchmark]
        rows.append(
            [
                benchmark,
                str(after[benchmark].questions),
                *estimate(b),
                *estimate(a),
                f"{100 * change:+.1f}",
                f"[{100 * low:+.1f}, {100 * high:+.1f}]",
            ]
        )
    return align(header, rows)


Table = dict[str, list[Any]]
"""`columns` and `data` (rows): what MLflow shows as a table."""


def measures_table(summaries: Mapping[str, Summary]) -> Table:
    """Every benchmark's measures with their intervals."""
    columns = ["benchmark", "questions", "responses", "measure", "value", "low", "high"]
    data = [
        [benchmark, s.questions, s.responses, name, *s.measures[name]]
        for benchmark, s in summaries.items()
        for name in s.measures
    ]
    return {"columns": columns, "data": data}


def response_table(rows: Sequence[Mapping[str, Any]], *, most: int = 200) -> Table:
    """The first responses, as many as a page can show.

    MLflow's view of several runs' tables has a row for each value of the first column and shows the
    second one of each run, until a person asks for others.
    """
    columns = ["problem_id", "response", "status", "reason", "answer", "gold", "sample", "length"]
    columns += ["prompt"]
    return {"columns": columns, "data": [[row[c] for c in columns] for row in rows[:most]]}


def write_table(table: Table, path: Path) -> None:
    """Write a table as JSON, in place of an older one.

    Raises:
        ValueError: If it cannot be written.
    """
    with whole_file(path) as file:
        json.dump(table, file, ensure_ascii=False)
