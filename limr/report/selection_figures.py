"""A selection in figures, from the numbers of its report."""

from pathlib import Path
from typing import Any

import numpy as np

from limr.report.figures import COLOURS, INK, drawn

_PARTS = {"chosen": COLOURS["blue"], "rejected": COLOURS["orange"]}


def draw_selection(found: dict[str, Any], folder: Path) -> list[str]:
    """Draw what the numbers allow, as PNG and SVG.

    Args:
        found: What :mod:`limr.report.selection` found.
        folder: Where the files go.

    Returns:
        The figures' names, without suffix.
    """
    figures = {"scores": _draw_scores}
    if "epochs" in found:
        figures |= {"curves": _draw_curves, "by_mean_accuracy": _draw_accuracies}
        figures |= {"methods": _draw_methods}
        if len(found["epochs"]) > 1:
            figures |= {"early": _draw_early}
    for name, draw in figures.items():
        draw(found, [folder / f"{name}.svg", folder / f"{name}.png"])
    return list(figures)


def _draw_scores(found: dict[str, Any], paths: list[Path]) -> None:
    histogram = found["score_histogram"]
    with drawn(*paths) as (axes,):
        axes.stairs(histogram["all"], histogram["edges"], fill=True, color=INK, label="all")
        axes.stairs(
            histogram["chosen"],
            histogram["edges"],
            fill=True,
            color=COLOURS["blue"],
            label="chosen",
        )
        axes.set(xlabel="score", ylabel="problems")
        axes.legend()


def _draw_curves(found: dict[str, Any], paths: list[Path]) -> None:
    epochs, curves = found["epochs"], found["accuracy_curves"]
    low, high = (name for name in curves["all"] if name != "mean")
    marker = "o" if len(epochs) == 1 else ""
    with drawn(*paths, columns=2, sharey=True) as panels:
        for axes, (name, colour) in zip(panels, _PARTS.items(), strict=True):
            part = {key: _floats(values) for key, values in curves[name].items()}
            axes.fill_between(epochs, part[low], part[high], color=colour, alpha=0.25, linewidth=0)
            axes.plot(epochs, part["mean"], color=colour, marker=marker, label=name)
            average = _floats(curves["all"]["mean"])
            axes.plot(epochs, average, color=INK, linestyle="--", marker=marker, label="average")
            axes.set(xlabel="epoch", ylim=(0, 1))
            axes.locator_params("x", integer=True)
            axes.legend()
        panels[0].set_ylabel("accuracy")


def _draw_accuracies(found: dict[str, Any], paths: list[Path]) -> None:
    rows = found["by_mean_accuracy"]
    names = [row["name"] for row in rows]
    with drawn(*paths) as (axes,):
        axes.bar(names, [row["problems"] for row in rows], color=INK, label="all")
        axes.bar(names, [row["chosen"] for row in rows], color=COLOURS["blue"], label="chosen")
        axes.set(xlabel="mean accuracy over the epochs", ylabel="problems")
        axes.tick_params("x", labelsize=8)
        axes.legend()


def _draw_methods(found: dict[str, Any], paths: list[Path]) -> None:
    names = found["methods"]["names"]
    shared = np.array([_floats(row) for row in found["methods"]["overlap"]])
    with drawn(*paths, width=5.5, height=4.2) as (axes,):
        axes.imshow(shared, vmin=0, vmax=1, cmap="Blues")
        for (row, column), value in np.ndenumerate(shared):
            text = "" if np.isnan(value) else f"{value:.2f}"
            colour = "white" if value > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set_title("overlap of equally large selections", fontsize=10)


def _draw_early(found: dict[str, Any], paths: list[Path]) -> None:
    rows = found["early"]
    used = [row["epochs"] for row in rows]
    colours = {"overlap": COLOURS["blue"], "rank_correlation": COLOURS["green"]}
    with drawn(*paths) as (axes,):
        for name, colour in colours.items():
            values = _floats([row[name] for row in rows])
            axes.plot(used, values, color=colour, marker=".", label=name.replace("_", " "))
        two_runs = found["two_runs"]
        axes.axhspan(two_runs["low"], two_runs["high"], color=INK, alpha=0.2, linewidth=0)
        axes.axhline(two_runs["mean"], color=INK, linestyle="--", label="overlap of two runs")
        axes.set(xlabel="first epochs used", ylabel="with the final selection", ylim=(None, 1.02))
        axes.locator_params("x", integer=True)
        axes.legend(loc="lower right")


def _floats(values: list[float | None]) -> list[float]:
    return [np.nan if value is None else value for value in values]
