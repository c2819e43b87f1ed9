"""The study's figures, from the committed CSV files alone."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from benchmarks.study.published import Numbers, Row, averaged, by_run
from benchmarks.study.results import SHOWN_BENCHMARKS
from limr.report.figures import COLOURS, drawn

SHOWN = ("full", "lim", "mean_band", "base_mean_band", "pass_rate", "random", "online")
"""Arms that get a line."""
_DASHES = ("-", "--")


def draw(found: Numbers, folder: Path) -> list[Path]:
    """Draw ``study_accuracy.svg`` and ``study_total.svg``.

    Returns:
        The files.
    """
    files = [folder / "study_accuracy.svg", folder / "study_total.svg"]
    with drawn(files[0], columns=len(SHOWN_BENCHMARKS), height=3.0, width=10.0) as panels:
        for axes, name in zip(panels, SHOWN_BENCHMARKS, strict=True):
            rows = [row for row in found.main() if row["benchmark"] == name]
            _lines(axes, rows, lambda row: float(row["step"]))
            axes.set(title=name, xlabel="step", ylabel="accuracy, %")
        panels[0].legend()
    with drawn(files[1], height=3.4) as (axes,):
        rows = averaged(found.main())
        _lines(axes, rows, lambda row: (row["selection_responses"] + row["responses"]) / 1000)
        axes.set(xlabel="thousand responses, selection included", ylabel="average accuracy, %")
        axes.legend()
    return files


def _lines(axes: Axes, rows: Sequence[Row], x_of: Callable[[Row], float]) -> None:
    """Each arm's mean over runs, and its single runs, faint."""
    for index, arm in enumerate(SHOWN):
        runs = by_run(rows, arm)
        if not runs:
            continue
        colour = [*COLOURS.values()][index % len(COLOURS)]
        dashes = _DASHES[index // len(COLOURS)]
        accuracy = 100 * np.array([[row["accuracy"] for row in run] for run in runs])
        x = np.array([[x_of(row) for row in run] for run in runs])
        axes.plot(x.mean(axis=0), accuracy.mean(axis=0), dashes, color=colour, label=arm)
        for single in range(len(runs)):
            axes.plot(x[single], accuracy[single], dashes, color=colour, alpha=0.15, linewidth=0.8)
