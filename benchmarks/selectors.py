"""Every selector against LIM on published training trajectories.

    make selectors                                  (this, and the two analyses beside it)
    python -m benchmarks.selectors --curves ../shared/data/one_shot_rlvr/acc_step_500.json

The file, published with One-Shot-RLVR (arXiv 2504.20571), maps each of 1,209 problems to its
accuracies, one for each visit while a 1.5B model was trained, each from 8 samples.
Problems were visited 44 to 57 times; the first 44 visits of each are used, as one epoch each, so
that every curve is complete. Writes benchmarks/results/selectors.json and two figures.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import COLOURS, INK, new_figure, save
from benchmarks.results_file import write_results
from limr.selection import LIM, METHODS, Linear, MeanBand, Random, Selector, Variance, choose
from limr.selection.scores import Floats, mean_reward_curve
from limr.selection.stability import (
    EarlySelection,
    early_selections,
    expected_overlap,
    jaccard,
    overlap,
    rank_correlation,
)
from limr.trajectories.curves import RewardCurves

DEFAULT_CURVES = Path("../shared/data/one_shot_rlvr/acc_step_500.json")
VISITS = 44
SAMPLES = 8
FRACTION = 1389 / 8523
"""The paper's share, 16.3 %."""
THETA_LINEAR = 0.7
PAIRS = 200
SEEDS = 20
"""Random selections that are averaged."""

SELECTORS: dict[str, Selector] = {name: method() for name, method in METHODS.items()}
EARLY: dict[str, Selector] = {
    "lim": LIM(),
    "mean_band": MeanBand(),
    "linear": Linear(),
    "variance": Variance(),
}
RULE = partial(choose, fraction=FRACTION)


def read_curves(path: Path, visits: int = VISITS) -> RewardCurves:
    """The first `visits` accuracies of every problem."""
    listed = json.loads(path.read_text(encoding="utf-8"))
    ids = sorted(listed)
    accuracy = np.array([listed[name][:visits] for name in ids])
    if (accuracy * SAMPLES != np.rint(accuracy * SAMPLES)).any():
        raise ValueError(f"{path}: an accuracy is no multiple of 1/{SAMPLES}")
    return RewardCurves(
        problem_ids=np.array(ids),
        epochs=np.arange(visits),
        accuracy=accuracy,
        score=np.full(accuracy.shape, np.nan),
        samples=np.full(accuracy.shape, SAMPLES, dtype=np.int32),
    )


def against_lim(curves: RewardCurves) -> dict[str, dict[str, Any]]:
    """The table: each method's scores and selection beside LIM's."""
    lim = LIM().scores(curves)
    chosen_by_lim = RULE(curves.problem_ids, lim)
    means = dict(zip(curves.problem_ids, curves.accuracy.mean(axis=1), strict=True))
    table = {}
    for name, selector in SELECTORS.items():
        variants = [Random(seed) for seed in range(SEEDS)] if name == "random" else [selector]
        scores = [variant.scores(curves) for variant in variants]
        chosen = [RULE(curves.problem_ids, s) for s in scores]
        at_threshold = (
            None
            if selector.default_threshold is None
            else len(choose(curves.problem_ids, scores[0], threshold=selector.default_threshold))
        )
        table[name] = {
            "rank_correlation": _mean([rank_correlation(s, lim) for s in scores]),
            "overlap": _mean([overlap(c, chosen_by_lim) for c in chosen]),
            "jaccard": _mean([jaccard(c, chosen_by_lim) for c in chosen]),
            "mean_accuracy_of_the_chosen": _mean([np.mean([means[i] for i in c]) for c in chosen]),
            "chosen_at_its_threshold": at_threshold,
        }
    return table


def stability(curves: RewardCurves) -> dict[str, dict[str, float]]:
    """Overlap of two runs' selections, by method; LIM also by its own threshold."""
    cases = {name: (selector, RULE) for name, selector in SELECTORS.items()}
    cases["lim, threshold 0.6"] = (LIM(), partial(choose, threshold=0.6))
    return {
        name: {
            field: round(value, 4)
            for field, value in expected_overlap(curves, *case, pairs=PAIRS)._asdict().items()
        }
        for name, case in cases.items()
    }


def linear_by_visits(curves: RewardCurves) -> dict[str, float]:
    """Share of the problems that LINEAR's 0.7 keeps, by the number of visits."""
    return {
        str(visits): _share_kept(Linear().scores(curves.select_epochs(upto=visits - 1)))
        for visits in (11, 21, 32, 44)
    }


def linear_candidates(curves: RewardCurves) -> dict[str, float]:
    """Share that 0.7 keeps under other readings of "steady improvement"."""
    rewards, average = curves.accuracy, mean_reward_curve(curves.accuracy)
    ramp = np.linspace(0, 1, VISITS)
    slope, start = np.polyfit(ramp, average, 1)

    def follows(target: Floats) -> Floats:
        return 1 - ((rewards - target) ** 2).sum(axis=1) / ((1 - target) ** 2).sum()

    varying = rewards[rewards.std(axis=1) > 0]
    with_time = np.array([np.corrcoef(row, ramp)[0, 1] for row in varying])
    kept_by_correlation = (with_time >= THETA_LINEAR).sum() / len(rewards)
    return {
        "follows a climb from 0 to 1": _share_kept(follows(ramp)),
        "follows a climb from the average's start to 1": _share_kept(
            follows(average[0] + (1 - average[0]) * ramp)
        ),
        "follows the average's straight line": _share_kept(follows(start + slope * ramp)),
        "correlates with time": round(float(kept_by_correlation), 4),
    }


def analyse(curves: RewardCurves) -> dict[str, Any]:
    """Everything that stands in the results file."""
    early = {name: early_selections(curves, selector, RULE) for name, selector in EARLY.items()}
    never = (curves.accuracy == 0).all(axis=1)
    return {
        "problems": len(curves.problem_ids),
        "visits": VISITS,
        "chosen": len(RULE(curves.problem_ids, LIM().scores(curves))),
        "average_accuracy": {
            "first": round(float(curves.accuracy[:, 0].mean()), 4),
            "last": round(float(curves.accuracy[:, -1].mean()), 4),
        },
        "never_solved": int(never.sum()),
        "distinct_lim_scores_of_the_never_solved": len({*LIM().scores(curves)[never]}),
        "against_lim": against_lim(curves),
        "two_runs": stability(curves),
        "share_kept_by_linear_candidates": linear_candidates(curves),
        "linear_share_at_0.7_by_visits": linear_by_visits(curves),
        "early": {
            name: [
                [row.epochs, round(row.rank_correlation, 4), round(row.overlap, 4)]
                for row in rows
                if not np.isnan(row.overlap)
            ]
            for name, rows in early.items()
        },
    }


def draw_curves(curves: RewardCurves, path: Path) -> None:
    """What is chosen looks like: mean curves of the chosen and the others."""
    figure, panels = new_figure(4, height=2.6, width=9.0, sharey=True)
    average = mean_reward_curve(curves.accuracy)
    for axes, (name, selector) in zip(panels, EARLY.items(), strict=True):
        chosen = np.isin(curves.problem_ids, RULE(curves.problem_ids, selector.scores(curves)))
        low, high = np.quantile(curves.accuracy[chosen].mean(axis=1), [0.05, 0.95])
        axes.plot(average, color=INK, linestyle="--", label="all")
        axes.plot(curves.accuracy[chosen].mean(axis=0), color=COLOURS["blue"], label="chosen")
        axes.plot(curves.accuracy[~chosen].mean(axis=0), color=COLOURS["orange"], label="the rest")
        axes.set_title(f"{name}\nmean accuracy {low:.2f} to {high:.2f}", fontsize=10, color=INK)
        axes.set_xlabel("visit")
    panels[0].set(ylabel="accuracy", ylim=(0, 1))
    panels[0].legend(fontsize=9, labelcolor=INK)
    save(figure, path)


def draw_early(early: dict[str, tuple[EarlySelection, ...]], two_runs: float, path: Path) -> None:
    """How soon a selection is the final one."""
    figure, (ranks, overlaps) = new_figure(2, height=3.0)
    for (name, rows), colour in zip(early.items(), COLOURS.values(), strict=False):
        epochs = [row.epochs for row in rows]
        ranks.plot(epochs, [row.rank_correlation for row in rows], color=colour, label=name)
        overlaps.plot(epochs, [row.overlap for row in rows], color=colour)
    overlaps.axhline(two_runs, color=INK, linestyle="--")
    overlaps.text(1, two_runs + 0.01, "two runs, lim", color=INK, fontsize=9)
    ranks.set(xlabel="first visits used", ylabel="rank correlation with all 44", ylim=(0, 1.02))
    overlaps.set(xlabel="first visits used", ylabel="overlap with the final 16.3 %", ylim=(0, 1.02))
    ranks.legend(fontsize=9, labelcolor=INK, loc="lower right")
    save(figure, path)


def _share_kept(scores: Floats) -> float:
    return round(float(np.mean(scores >= THETA_LINEAR)), 4)


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 4)


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--curves", type=Path, default=DEFAULT_CURVES)
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--figures", type=Path, default=Path("docs/figures"))
    arguments = parser.parse_args()
    curves = read_curves(arguments.curves)
    found = analyse(curves)
    write_results(found, arguments.results / "selectors.json")
    early = {
        name: tuple(EarlySelection(*row) for row in rows) for name, rows in found["early"].items()
    }
    draw_curves(curves, arguments.figures / "selected_curves.svg")
    draw_early(early, found["two_runs"]["lim"]["mean"], arguments.figures / "early_selections.svg")


if __name__ == "__main__":
    main()
