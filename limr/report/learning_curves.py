"""What figures draw: an arm's means over its runs against what they had cost, with a band."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from limr.report.arms import Arm, share_matrix
from limr.report.comparison import AVERAGE, Comparison
from limr.report.seeds import accuracy_interval


class Point(NamedTuple):
    """One step of a curve."""

    x: float
    """Mean over the runs of the steps, tokens, ... that they had cost."""
    value: float
    low: float
    high: float


def accuracy_curve(comparison: Comparison, arm: Arm, benchmark: str) -> list[Point]:
    """Accuracy at each step at which all of the arm's runs were measured, with 95 % intervals.

    Args:
        comparison: For its benchmarks and x axis.
        arm: One of its arms.
        benchmark: One of its benchmarks, or `AVERAGE`.
    """
    names = list(comparison.questions) if benchmark == AVERAGE else [benchmark]
    points = []
    for step in _common_steps([run.measured[name] for run in arm.runs for name in names]):
        shares = [share_matrix([run.measured[name][step] for run in arm.runs]) for name in names]
        x = float(np.mean([run.amount(comparison.match, step) for run in arm.runs]))
        points.append(Point(x, *accuracy_interval(shares)))
    return points


def length_curve(comparison: Comparison, arm: Arm) -> list[Point]:
    """Mean response length on the benchmarks, the band from the shortest run to the longest."""
    names = list(comparison.questions)
    points = []
    for step in _common_steps([run.measured[name] for run in arm.runs for name in names]):
        lengths = [
            float(np.mean([run.measured[name][step].length for name in names])) for run in arm.runs
        ]
        x = float(np.mean([run.amount(comparison.match, step) for run in arm.runs]))
        points.append(Point(x, float(np.mean(lengths)), min(lengths), max(lengths)))
    return points


def training_curve(arm: Arm, metric: str) -> list[Point]:
    """A training metric by step, the band from the lowest run to the highest; [] where not kept."""
    series = [run.curves.get(metric, {}) for run in arm.runs]
    points = []
    for step in _common_steps(series):
        values = [one[step] for one in series]
        points.append(Point(float(step), float(np.mean(values)), min(values), max(values)))
    return points


def _common_steps(series: Sequence[Mapping[int, Any]]) -> list[int]:
    """The steps, ascending, that all have."""
    return sorted(set.intersection(*({*one} for one in series)))
