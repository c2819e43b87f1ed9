"""One look for every figure: transparent, in colours that can be read on white and on black."""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#808080"
COLOURS = {
    "blue": "#3b8eea",
    "orange": "#e07b28",
    "green": "#3a9d5d",
    "violet": "#a26bd6",
    "red": "#dd5555",
}

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "limr",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def new_figure(
    columns: int, *, height: float, width: float = 7.0, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with its axes side by side, sizes in inches."""
    plt.rcParams.update(_STYLE)
    figure, axes = plt.subplots(
        1, columns, figsize=(width, height), sharey=sharey, layout="constrained"
    )
    return figure, list(axes)


def save(figure: Figure, path: Path) -> None:
    """Write an SVG, the same bytes for the same figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True, metadata={"Date": None})
    plt.close(figure)
