"""Where lines, bars and ticks go in a drawing; the templates write them down as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from limr.selection.scores import Floats


class Line(NamedTuple):
    """A line that may have gaps."""

    pieces: list[str]
    """What lies between gaps, as a polyline's `points`."""
    points: list[tuple[float, float, int]]
    """x, y and place of every value that is there."""


class Bar(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    value: float
    """What it stands for."""


@dataclass(frozen=True)
class Frame:
    """A drawing's size and the ranges that it shows; y points upward, as on paper."""

    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float] = (0.0, 1.0)
    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0

    def x(self, value: float) -> float:
        """From the left; a range of one value lies in the middle."""
        return self.left + _share(value, self.x_range) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """From above."""
        room = self.height - self.top - self.bottom
        return self.top + (1 - _share(value, self.y_range)) * room

    def line(self, xs: Sequence[float] | NDArray[np.int64], ys: Floats) -> Line:
        """A line through all values that are there, broken where one is not.

        Args:
            xs: ``(K,)``.
            ys: ``(K,)``, NaN where there is nothing.
        """
        pieces: list[list[str]] = [[]]
        points = []
        for place, (value, height) in enumerate(zip(xs, ys.tolist(), strict=True)):
            if math.isnan(height):
                pieces.append([])
                continue
            x, y = round(self.x(float(value)), 1), round(self.y(height), 1)
            pieces[-1].append(f"{x},{y}")
            points.append((x, y, place))
        return Line([" ".join(piece) for piece in pieces if len(piece) > 1], points)

    def bars(self, edges: Floats, heights: NDArray[np.int64]) -> list[Bar]:
        """Bars from 0 between neighbouring edges, with a hair's breadth between them."""
        ground = self.y(0.0)
        found = []
        for low, high, height in zip(edges[:-1], edges[1:], heights.tolist(), strict=True):
            x, y = self.x(float(low)), self.y(height)
            width = max(0.5, self.x(float(high)) - x - 1)
            bar = (round(part, 1) for part in (x, y, width, ground - y))
            found.append(Bar._make([*bar, height]))
        return found


def stacked(counts: Sequence[int], width: float, height: float) -> list[Bar]:
    """Parts of a whole side by side, in the order of `counts`; none is drawn for 0."""
    total, x, found = sum(counts), 0.0, []
    for count in counts:
        share = width * count / total if total else 0.0
        found.append(Bar(round(x, 2), 0, round(share, 2), height, count))
        x += share
    return found


def ticks(values: Sequence[int], most: int = 10) -> list[int]:
    """Some of ascending whole numbers, evenly apart, the first among them."""
    step = -(-len(values) // most)
    return list(values[:: max(1, step)])


def histogram(scores: Floats, *, width: float = 0.05) -> tuple[Floats, NDArray[np.int64]]:
    """How many scores of at most 1 lie in bins from -1, or the lowest one's half, up to 1.

    Args:
        scores: ``(N,)``, NaN is left out, and what is below -1 stands in the first bin.
        width: Of a bin.

    Returns:
        ``(bins + 1,)`` edges and ``(bins,)`` counts.
    """
    known = np.clip(scores[~np.isnan(scores)], -1, 1)
    low = min(0.0, math.floor(2 * known.min(initial=0.0)) / 2)
    edges = np.linspace(low, 1, round((1 - low) / width) + 1)
    return edges, np.histogram(known, edges)[0].astype(np.int64)


def _share(value: float, among: tuple[float, float]) -> float:
    low, high = among
    return 0.5 if high == low else (value - low) / (high - low)
