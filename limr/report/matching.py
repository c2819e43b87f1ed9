"""Which measurement of each run is compared: the last one up to an amount that all runs reach."""

from collections.abc import Sequence

import numpy as np

from limr.report.runs import Measurement, Run

MATCHES = ("steps", "optimizer_steps", "responses", "tokens", "visits")
"""What can be made equal."""

_ROUNDING = 1e-9


def common_benchmarks(runs: Sequence[Run], wanted: Sequence[str] = ()) -> list[str]:
    """The benchmarks that every run was measured on, in the first run's order.

    Args:
        runs: At least one.
        wanted: Only these; all where none are named.

    Raises:
        ValueError: If there are none, or a wanted one is missing.
    """
    common = [name for name in runs[0].measured if all(name in run.measured for run in runs)]
    if missing := [name for name in wanted if name not in common]:
        raise ValueError(
            f"not every run was measured on {', '.join(missing)}; all were on "
            f"{', '.join(common) or 'none'}"
        )
    common = [name for name in common if not wanted or name in wanted]
    if not common:
        each = "; ".join(f"{run.name}: {', '.join(run.measured)}" for run in runs)
        raise ValueError(f"no benchmark was measured in every run ({each}); compare fewer runs")
    return common


def common_amount(runs: Sequence[Run], match: str, at: float | None = None) -> float:
    """The largest amount that every run reached, by its last measurements, or the one asked for.

    Args:
        runs: Measured on the same benchmarks.
        match: One of `MATCHES`.
        at: An amount no larger than that.

    Raises:
        ValueError: If a run does not tell its amounts, or did not reach `at`.
    """
    largest = min(run.amount(match, max(steps)) for run in runs for steps in run.measured.values())
    if at is None:
        return largest
    if at > largest * (1 + _ROUNDING):
        raise ValueError(
            f"not every run reaches {at:g} {match}; the most that all do is {largest:g}"
        )
    return at


def matched(run: Run, benchmark: str, match: str, amount: float) -> Measurement:
    """The run's last measurement whose policy had cost no more than the amount.

    Raises:
        ValueError: If there is none, or the run does not tell its amounts.
    """
    limit = amount * (1 + _ROUNDING)
    steps = [step for step in run.measured[benchmark] if run.amount(match, step) <= limit]
    if not steps:
        raise ValueError(
            f"run {run.name!r} was not measured on {benchmark} at or before {amount:g} {match}; "
            "compare at more, or leave out the shortest run or this one"
        )
    return run.measured[benchmark][max(steps)]


def first_step_at(run: Run, benchmark: str, accuracy: float) -> int | None:
    """The first measured step with at least this accuracy, None if there is none."""
    return next(
        (
            step
            for step, measurement in run.measured[benchmark].items()
            if measurement.accuracy >= accuracy - _ROUNDING
        ),
        None,
    )


def final_accuracy(runs: Sequence[Run], benchmark: str) -> float:
    """Mean over runs of the accuracy at each run's last measurement."""
    return float(
        np.mean(
            [
                measured[max(measured)].accuracy
                for measured in (run.measured[benchmark] for run in runs)
            ]
        )
    )
