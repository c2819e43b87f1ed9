"""A comparison's report on disk, and what MLflow shows of it."""

import re
from pathlib import Path

from limr.files import whole_file
from limr.report.comparison import Comparison
from limr.report.comparison_figures import draw_comparison
from limr.report.comparison_page import page
from limr.report.comparison_text import write_runs, write_table
from limr.report.examples import examples


def write_report(comparison: Comparison, folder: Path, *, title: str) -> list[Path]:
    """Write ``index.html``, ``comparison.csv``, ``runs.csv`` and the figures as SVG and PNG.

    Returns:
        The files that were written.

    Raises:
        ValueError: If a file cannot be written, or the runs' files cannot be read.
    """
    figures, undrawn = draw_comparison(comparison, folder)
    shown, missing = examples(comparison)
    notes = [*comparison.notes, *undrawn, *missing]
    write_table(comparison, folder / "comparison.csv")
    write_runs(comparison, folder / "runs.csv")
    with whole_file(folder / "index.html") as file:
        file.write(page(comparison, figures, shown, notes, title=title, folder=folder))
    names = ["index.html", "comparison.csv", "runs.csv"]
    names += [f"{figure.name}.{suffix}" for figure in figures for suffix in ("svg", "png")]
    return [folder / name for name in names]


def metrics(comparison: Comparison) -> list[tuple[str, float, int]]:
    """Names, values and steps (0) of what MLflow shows: accuracies, differences and their ends."""
    values = []
    for row in comparison.rows:
        name = f"compare/{_key(row.benchmark)}/{_key(row.arm)}"
        values.append((f"{name}/accuracy", row.accuracy.value, 0))
        if row.difference:
            ends = {"": row.difference.value, "_low": row.difference.low}
            ends["_high"] = row.difference.high
            values += [(f"{name}/difference{end}", value, 0) for end, value in ends.items()]
    return values


def _key(name: str) -> str:
    """A name as MLflow takes it within a metric's."""
    return re.sub(r"[^\w. -]", "_", name, flags=re.ASCII).strip(". ") or "_"
