"""What each drawing of the pages shows, from a snapshot's numbers."""

from typing import Any

import numpy as np

from limr.browse.drawing import Frame, Line, histogram, stacked, ticks
from limr.browse.snapshot import STATUSES, THRESHOLD, Snapshot
from limr.selection.scores import Floats

SPARK = (112, 28)
"""Width and height of a problem's curve in the list."""
STACK = (240, 14)
"""Width and height of an epoch's verdicts side by side."""


def spark(snapshot: Snapshot, row: int) -> Line:
    """A problem's accuracies by epoch, small."""
    frame = Frame(*SPARK, _epoch_range(snapshot), left=3, right=3, top=3, bottom=3)
    return frame.line(snapshot.curves.epochs, snapshot.curves.accuracy[row])


def curve_chart(snapshot: Snapshot, accuracy: Floats | None = None) -> dict[str, Any]:
    """The average curve, and a problem's accuracies where some are given, over the epochs.

    Args:
        snapshot: The store.
        accuracy: ``(K,)``, NaN where the problem was not seen.
    """
    epochs = snapshot.curves.epochs
    frame = _frame(220, _epoch_range(snapshot))
    return {
        "frame": frame,
        "average": frame.line(epochs, snapshot.average),
        "curve": None if accuracy is None else frame.line(epochs, accuracy),
        "levels": [(frame.y(level), f"{level:.0%}") for level in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "ticks": [(frame.x(epoch), epoch) for epoch in ticks(epochs.tolist())],
        "names": [_point_name(snapshot, k, accuracy) for k in range(len(epochs))],
    }


def score_chart(snapshot: Snapshot) -> dict[str, Any]:
    """How many problems have which LIM score."""
    edges, counts = histogram(snapshot.scores)
    low, top = float(edges[0]), int(counts.max(initial=1))
    frame = _frame(200, (low, 1), (0, top))
    names = [
        f"{start:.2f} to {end:.2f}: {count}"
        for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    chosen = (edges[:-1] > THRESHOLD - 1e-9).tolist()
    return {
        "frame": frame,
        "bars": list(zip(frame.bars(edges, counts), names, chosen, strict=True)),
        "levels": [(frame.y(level), f"{level:,}") for level in (0, top)],
        "ticks": [(frame.x(v), f"{v:g}") for v in np.arange(low, 1.01, 0.5).tolist()],
        "threshold": frame.x(THRESHOLD),
    }


def verdict_rows(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Each epoch's responses by status, and their shares as bars."""
    rows = []
    for epoch, counts in zip(snapshot.curves.epochs.tolist(), snapshot.verdicts, strict=True):
        bars = stacked(counts.tolist(), *STACK)
        rows.append(
            {
                "epoch": epoch,
                "counts": counts.tolist(),
                "total": int(counts.sum()),
                "correct": counts[STATUSES.index("correct")] / max(1, counts.sum()),
                "bars": [(bar, status) for bar, status in zip(bars, STATUSES, strict=True)],
            }
        )
    return rows


def _frame(
    height: float, x_range: tuple[float, float], y_range: tuple[float, float] = (0, 1)
) -> Frame:
    return Frame(720, height, x_range, y_range, left=54, right=14, top=12, bottom=26)


def _point_name(snapshot: Snapshot, place: int, accuracy: Floats | None) -> str:
    parts = [f"epoch {snapshot.curves.epochs[place]}"]
    if accuracy is not None and not np.isnan(accuracy[place]):
        parts.append(f"{accuracy[place]:.1%} correct")
    if not np.isnan(snapshot.average[place]):
        parts.append(f"average {snapshot.average[place]:.1%}")
    return ", ".join(parts)


def _epoch_range(snapshot: Snapshot) -> tuple[float, float]:
    epochs = snapshot.curves.epochs
    return float(epochs[0]), float(epochs[-1])
