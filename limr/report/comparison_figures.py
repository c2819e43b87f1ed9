"""A comparison in figures: the paper's, from the runs at hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from limr.report.arms import Arm
from limr.report.comparison import AVERAGE, Comparison
from limr.report.figures import COLOURS, INK, drawn
from limr.report.learning_curves import (
    Point,
    accuracy_curve,
    length_curve,
    training_curve,
)
from limr.selection import alignment_scores, mean_reward_curve
from limr.trajectories import RewardCurves, read_reward_curves

_DASHES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "D", "v")
_PANELS = 4
"""Arms that get a panel of their own."""
_PROBLEMS = 4
"""Single problems in a panel."""
_LEGEND_ROWS = 8


class Figure(NamedTuple):
    """A figure that was drawn, as ``<name>.svg`` and ``<name>.png``."""

    name: str
    title: str
    text: str
    """What it shows, in a sentence or two; serves those who cannot see it, too."""


def draw_comparison(comparison: Comparison, folder: Path) -> tuple[list[Figure], list[str]]:
    """Draw what the runs allow.

    Args:
        comparison: What was found.
        folder: Where the files go.

    Returns:
        The figures in order, and why others could not be drawn.
    """
    figures: list[Figure] = []
    notes: list[str] = []
    for draw in (_accuracy, _by_arm, _by_benchmark, _length, _reward, _problems):
        found = draw(comparison, lambda name: [folder / f"{name}.svg", folder / f"{name}.png"])
        if isinstance(found, Figure):
            figures.append(found)
        else:
            notes.append(found)
    return figures, notes


Files = Callable[[str], list[Path]]
"""The files of a figure's name."""


def _accuracy(comparison: Comparison, files: Files) -> Figure:
    benchmark = comparison.benchmarks[-1]
    with drawn(*files("accuracy"), height=3.4) as (axes,):
        _draw_arms(axes, comparison, partial(accuracy_curve, comparison, benchmark=benchmark), 100)
        axes.set(xlabel=_words(comparison.match), ylabel="accuracy, %")
        _add_legend(axes)
    over = "averaged over the benchmarks" if benchmark == AVERAGE else f"on {benchmark}"
    return Figure(
        "accuracy",
        "Accuracy",
        f"Accuracy {over} against {_words(comparison.match)}, mean over seeds; bands are "
        "95 % intervals over seeds and questions.",
    )


def _by_arm(comparison: Comparison, files: Files) -> Figure:
    arms = comparison.arms[:_PANELS]
    with _panels(files("accuracy_by_arm"), [arm.name for arm in arms], comparison) as panels:
        for axes, arm in zip(panels, arms, strict=True):
            for index, name in enumerate(comparison.questions):
                _draw(axes, accuracy_curve(comparison, arm, name), index, name, 100)
    shown = "" if len(arms) == len(comparison.arms) else f" of the first {_PANELS} arms"
    return Figure(
        "accuracy_by_arm",
        "Benchmarks within each arm",
        f"Accuracy on each benchmark against {_words(comparison.match)}, one panel for each arm"
        f"{shown}; mean over seeds with 95 % intervals.",
    )


def _by_benchmark(comparison: Comparison, files: Files) -> Figure:
    names = list(comparison.questions)
    with _panels(files("accuracy_by_benchmark"), names, comparison) as panels:
        for axes, name in zip(panels, names, strict=True):
            curve = partial(accuracy_curve, comparison, benchmark=name)
            _draw_arms(axes, comparison, curve, 100)
    return Figure(
        "accuracy_by_benchmark",
        "Arms on each benchmark",
        f"Accuracy of all arms against {_words(comparison.match)}, one panel for each benchmark; "
        "mean over seeds with 95 % intervals.",
    )


@contextmanager
def _panels(
    paths: Sequence[Path], titles: Sequence[str], comparison: Comparison
) -> Iterator[list[Axes]]:
    """A panel of accuracies for each title, two in a row."""
    columns = min(2, len(titles))
    rows = -(-len(titles) // columns)
    with drawn(*paths, columns=columns, rows=rows, width=3.9 * columns, height=2.7 * rows) as axes:
        yield axes[: len(titles)]
        for panel, title in zip(axes, titles, strict=False):
            panel.set_title(title, fontsize=10)
            panel.set(xlabel=_words(comparison.match), ylabel="accuracy, %")
        for panel in axes[len(titles) :]:
            panel.set_axis_off()
        _add_legend(axes[0])


def _length(comparison: Comparison, files: Files) -> Figure:
    with drawn(*files("length"), columns=2, width=8.0) as (training, benchmarks):
        _draw_arms(training, comparison, lambda arm: training_curve(arm, "response/length"))
        training.set(xlabel="steps", ylabel="response length, tokens")
        training.set_title("training", fontsize=10)
        _draw_arms(benchmarks, comparison, partial(length_curve, comparison))
        benchmarks.set(xlabel=_words(comparison.match))
        benchmarks.set_title("benchmarks", fontsize=10)
        _add_legend(benchmarks)
    return Figure(
        "length",
        "Response length",
        "Mean length of the responses in tokens while training and on the benchmarks, mean over "
        "seeds; bands reach from the lowest seed to the highest.",
    )


def _reward(comparison: Comparison, files: Files) -> Figure | str:
    def curve(arm: Arm) -> list[Point]:
        return training_curve(arm, "reward/score_mean")

    if not any(curve(arm) for arm in comparison.arms):
        return "no figure of the training reward: no run has the metric reward/score_mean"
    with drawn(*files("reward")) as (axes,):
        _draw_arms(axes, comparison, curve)
        axes.set(xlabel="steps", ylabel="mean reward")
        _add_legend(axes)
    return Figure(
        "reward",
        "Training reward",
        "Mean reward of the training responses by step, each arm on its own problems, mean over "
        "seeds; bands reach from the lowest seed to the highest.",
    )


def _problems(comparison: Comparison, files: Files) -> Figure | str:
    """Single problems against the average, in the first run whose trajectories can tell."""
    for run in (run for arm in comparison.arms for run in arm.runs if run.trajectories):
        curves = read_reward_curves(run.trajectories or "")
        scores = alignment_scores(curves.accuracy)
        if len(curves.epochs) < 2 or np.isnan(scores).all():
            continue
        with drawn(*files("problems"), columns=2, sharey=True) as panels:
            order = np.argsort(-scores)[: int((~np.isnan(scores)).sum())]
            count = min(_PROBLEMS, -(-len(order) // 2))
            parts = {"follow the average": order[:count], "do not": order[::-1][:count]}
            for axes, (title, rows) in zip(panels, parts.items(), strict=True):
                _draw_problems(axes, curves, rows.tolist())
                axes.set_title(title, fontsize=10)
            panels[0].set_ylabel("accuracy, %")
            _add_legend(panels[1])
        return Figure(
            "problems",
            "What single problems taught",
            f"Accuracy of single training problems by epoch in the run {run.name!r} (arm "
            f"{run.arm!r}), against the average of all problems: the {count} with the highest "
            f"alignment score, and the {count} with the lowest.",
        )
    return "no figure of single problems: no run's trajectories of at least two epochs are at hand"


def _draw_problems(axes: Axes, curves: RewardCurves, rows: Sequence[int]) -> None:
    for row, colour in zip(rows, COLOURS.values(), strict=False):
        axes.plot(curves.epochs, 100 * curves.accuracy[row], color=colour, linewidth=1.2)
    average = 100 * mean_reward_curve(curves.accuracy)
    axes.plot(curves.epochs, average, color=INK, linestyle="--", linewidth=2.4, label="average")
    axes.set(xlabel="epoch", ylim=(-3, 103))
    axes.locator_params("x", integer=True)


def _draw_arms(
    axes: Axes,
    comparison: Comparison,
    curve: Callable[[Arm], list[Point]],
    scale: float = 1.0,
) -> None:
    for index, arm in enumerate(comparison.arms):
        _draw(axes, curve(arm), index, arm.name, scale)


def _draw(axes: Axes, points: Sequence[Point], index: int, label: str, scale: float) -> None:
    """One curve with its band, told from the others by colour and dashes."""
    colours = list(COLOURS.values())
    colour = colours[index % len(colours)]
    x, *values = np.array(points).reshape(-1, 4).T
    value, low, high = (scale * part for part in values)
    axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(
        x,
        value,
        color=colour,
        linestyle=_DASHES[index // len(colours) % len(_DASHES)],
        marker=_MARKERS[index % len(_MARKERS)] if len(points) <= 20 else "",
        markersize=3.5,
        label=f" {label}",  # legends pass over labels that begin with an underscore
    )


def _add_legend(axes: Axes) -> None:
    """A legend that leaves the axes their size, in columns and small where it is long."""
    columns = -(-len(axes.get_lines()) // _LEGEND_ROWS)
    legend = axes.legend(ncols=columns, fontsize=9 if columns == 1 else 6)
    legend.set_in_layout(False)


def _words(match: str) -> str:
    return {
        "steps": "training steps",
        "responses": "responses drawn",
        "tokens": "tokens drawn",
        "visits": "visits per problem",
    }.get(match, match.replace("_", " "))
