"""One look for every figure: transparent, in colours that can be read on white and on black."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
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

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "limr",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
}


@contextmanager
def drawn(
    *paths: Path,
    columns: int = 1,
    rows: int = 1,
    height: float = 3.0,
    width: float = 7.0,
    sharey: bool = False,
) -> Iterator[list[Axes]]:
    """Axes side by side to draw on, written to files afterwards, the same bytes for the same lines.

    Texts are drawn as they are, dollar signs too.

    Args:
        paths: One file for each format, by suffix (``.svg``, ``.png``).
        columns: How many axes side by side.
        rows: And below each other; the axes come row by row.
        height: Inches, of the whole figure.
        width: Inches, of the whole figure.
        sharey: Whether the axes share their vertical scale.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield list(figure.subplots(rows, columns, sharey=sharey, squeeze=False).flat)
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            metadata = {"Date": None} if path.suffix == ".svg" else {}
            figure.savefig(path, transparent=True, dpi=150, metadata=metadata)
