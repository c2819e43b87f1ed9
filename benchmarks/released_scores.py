"""What LIMR's released scores tell about how they were computed.

    python -m benchmarks.released_scores --scores ../shared/data/limr/scores.json

`scores.json` is the released file: 7,935 rows {"prompt", "score"}, scores rounded to 2 decimals.
The per-epoch rewards behind it were not released. Three questions are put to it: which rule for
missing epochs leaves 7,935 of 8,523 problems; whether accuracies can give these scores; what can.
Writes benchmarks/results/released_scores.json and docs/figures/released_scores.svg;
docs/selection.md says what they mean.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import COLOURS, INK, new_figure, save
from benchmarks.results_file import write_results

PROBLEMS, EPOCHS = 8523, 21
MISSED = 8523 % 1024
"""Prompts that an epoch of eight steps of 1,024 leaves out, drawn anew each time."""
SAMPLES = 8
WRONG, MALFORMED = -0.5, -1.0

Floats = NDArray[np.float64]


def expected_eligible() -> dict[str, dict[str, float]]:
    """Mean and standard deviation of the number of eligible problems, under each rule.

    A problem misses an epoch with probability 331 / 8,523, independently of other epochs.
    """
    miss = MISSED / PROBLEMS
    seen_now, missed_now = 1.0, 0.0  # no two misses in a row so far, by what the last epoch was
    for _ in range(EPOCHS):
        seen_now, missed_now = (seen_now + missed_now) * (1 - miss), seen_now * miss
    shares = {
        "drop every problem with a missing epoch": (1 - miss) ** EPOCHS,
        "one-step backfill, then drop": seen_now,
        "backfill over any gap, then drop": 1 - miss,
        "ignore missing epochs": 1.0,
    }
    return {
        rule: {
            "mean": round(PROBLEMS * share, 1),
            "sd": round(float(np.sqrt(PROBLEMS * share * (1 - share))), 1),
        }
        for rule, share in shares.items()
    }


def accuracy_floor(average: float) -> float:
    """The lowest score of any accuracies against a constant average curve."""
    return 1 - (max(average, 1 - average) / (1 - average)) ** 2


def floors(scores: Floats) -> list[dict[str, float]]:
    """For several average accuracies: the floor, the released scores below it, those at it."""
    rows = []
    for average in (0.50, 0.60, 0.627, 0.65, 0.664, 0.68, 0.693):
        floor = round(accuracy_floor(average), 2)
        rows.append(
            {
                "average_accuracy": average,
                "floor": floor,
                "below": int((scores < floor - 0.005).sum()),
                "at": int((np.abs(scores - floor) < 0.005).sum()),
            }
        )
    return rows


def cliff(scores: Floats) -> dict[str, float]:
    """Where the histogram breaks off: the largest fall from five bins to the next five."""
    bins = np.arange(round(scores.min() * 100), round(scores.max() * 100) + 1)
    counts = np.array([(np.rint(scores * 100) == b).sum() for b in bins])
    sums = np.convolve(counts, np.ones(5, dtype=int), "valid")  # sums[i]: bins i .. i + 4
    edge = int(np.argmax(sums[:-5] - sums[5:])) + 4
    return {
        "last_high_bin": round(bins[edge] / 100, 2),
        "in_the_five_bins_up_to_it": int(sums[edge - 4]),
        "in_the_five_bins_above": int(sums[edge + 1]),
        "up_to_it": int(counts[: edge + 1].sum()),
    }


def average_reward(edge: float, variance: float) -> float:
    """The average curve's mean if never-solved, always well-formed problems score `edge`.

    With u = 1 - m and such a problem at -0.5 throughout, edge = 1 - mean((1.5 - u)^2) / mean(u^2).
    The curve's variance over the epochs is not known; mean(u^2) = mean(u)^2 + variance.
    """
    # so -edge mean(u)^2 + 2 * 1.5 mean(u) - (1.5^2 + edge * variance) = 0
    worst = 1 - WRONG
    u = (np.sqrt(worst**2 - edge * (worst**2 + edge * variance)) - worst) / -edge
    return 1 - u


def score_of(wrong: float, malformed: float, average: float) -> float:
    """Score of a problem whose responses are wrong and malformed in these shares throughout."""
    reward = 1 - wrong - malformed + WRONG * wrong + MALFORMED * malformed
    return 1 - ((reward - average) / (1 - average)) ** 2


def reward_hypothesis(edge: float, lowest: float) -> dict[str, Any]:
    """What raw rewards imply, given where the cliff is."""
    averages = {f"{v}": round(average_reward(edge, v), 3) for v in (0.0, 0.01, 0.02, 0.04)}
    average = average_reward(edge, 0.0)
    one = 1 / (EPOCHS * SAMPLES)
    farthest = (1 - average) * (1 + np.sqrt(1 - lowest))  # distance of the mean reward from 1
    return {
        "average_reward_by_variance_of_the_curve": averages,
        "one_malformed_response_lowers_by": round(edge - score_of(1 - one, one, average), 3),
        "one_correct_response_raises_by": round(score_of(1 - one, 0.0, average) - edge, 3),
        "all_malformed": round(score_of(0.0, 1.0, average), 2),
        "malformed_share_at_the_lowest_score": round(
            (farthest - (1 - WRONG)) / (WRONG - MALFORMED), 2
        ),
        "least_distance_ratio_malformed_to_wrong": round(farthest / (1 - WRONG), 2),
    }


def analyse(scores: Floats) -> dict[str, Any]:
    """Everything that stands in the results file."""
    edge = cliff(scores)
    return {
        "problems": len(scores),
        "lowest": scores.min(),
        "highest": scores.max(),
        "eligible": expected_eligible(),
        "floors_of_accuracies": floors(scores),
        "cliff": edge,
        "raw_rewards": reward_hypothesis(edge["last_high_bin"], scores.min()),
        "at_0": int((np.abs(scores) < 0.005).sum()),
        "next_to_0": [int((np.abs(scores - x) < 0.005).sum()) for x in (-0.02, -0.01, 0.01, 0.02)],
    }


def draw(scores: Floats, path: Path) -> None:
    """The histogram, and the part around the cliff."""
    figure, (whole, part) = new_figure(2, height=2.8)
    for axes, low, high in ((whole, -4.2, 1.0), (part, -2.3, -1.4)):
        edges = np.arange(low, high, 0.01 if axes is part else 0.05) - 0.005
        axes.hist(scores, edges, histtype="stepfilled", color=COLOURS["blue"])
        axes.set_xlabel("released score")
    whole.set_ylabel("problems per 0.05")
    part.set_ylabel("problems per 0.01")
    part.axvline(cliff(scores)["last_high_bin"] + 0.005, color=COLOURS["orange"], linestyle="--")
    part.text(-1.8, 50, "never solved,\nalways well-formed\n(raw rewards)", color=INK, fontsize=9)
    save(figure, path)


def main() -> None:
    """Run the analysis."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scores", type=Path, default=Path("../shared/data/limr/scores.json"))
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--figures", type=Path, default=Path("docs/figures"))
    arguments = parser.parse_args()
    scores = np.array([row["score"] for row in json.loads(arguments.scores.read_text("utf-8"))])
    write_results(analyse(scores), arguments.results / "released_scores.json")
    draw(scores, arguments.figures / "released_scores.svg")


if __name__ == "__main__":
    main()
