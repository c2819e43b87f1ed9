"""What stands in a table's cells, as Markdown."""

from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.stats import t as student

from benchmarks.study.published import Row


def percent(value: float) -> str:
    """A fraction in percent.

    >>> percent(0.4567)
    '45.7'
    """
    return f"{100 * value:.1f}"


def with_interval(row: Row) -> str:
    """Accuracy and its interval, in percent."""
    return f"{percent(row['accuracy'])} ({percent(row['low'])} to {percent(row['high'])})"


def difference(row: Row) -> str:
    """Difference to the baseline and its interval, in points."""
    if row["difference"] == "":
        return "-"
    return points(row["difference"], row["difference_low"], row["difference_high"])


def points(value: float, low: float, high: float) -> str:
    """A difference of accuracies and its interval, in points.

    >>> points(0.01, -0.005, 0.025)
    '+1.0 (-0.5 to +2.5)'
    """
    return f"{100 * value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def table_head(names: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return [table_row(names), "|" + "---|" * len(names)]


def table_row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def paired(differences: Sequence[float]) -> tuple[float, float, float]:
    """Their mean and its 95 % interval by Student's t; without spread where there is one alone.

    >>> [round(x, 3) for x in paired([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    mean, count = fmean(differences), len(differences)
    if count == 1:
        return mean, mean, mean
    margin = float(student.ppf(0.975, count - 1)) * stdev(differences) / count**0.5
    return mean, mean - margin, mean + margin
