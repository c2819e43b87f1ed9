import pytest
from comparison_toys import toy_run

from limr.report.comparison import AVERAGE, compare
from limr.report.learning_curves import accuracy_curve, length_curve, training_curve
from limr.report.runs import Found

RUNS = [
    toy_run(
        f"full-{seed}",
        {
            "easy": {0: [0.0, 0.0], 2: [0.5, 0.5], 4: [1.0, 0.5 + seed / 4]},
            "hard": {0: [0.0], 4: [0.5]},
        },
        arm="full",
        seed=str(seed),
        tokens={0: 0, 2: 10 * (seed + 1), 4: 100},
        curves={"reward/score_mean": {0: -1.0, 1: seed, **({2: 5.0} if seed else {})}},
    )
    for seed in (0, 1)
]
FOUND = Found(RUNS, [])


def test_accuracies_are_means_over_seeds_with_their_intervals():
    comparison = compare(FOUND, baseline="full", match="steps")
    curve = accuracy_curve(comparison, comparison.baseline, "easy")
    assert [(point.x, point.value) for point in curve] == [(0, 0), (2, 0.5), (4, 0.8125)]
    assert curve[2][1:] == comparison.rows_of("easy")[0].accuracy
    average = accuracy_curve(comparison, comparison.baseline, AVERAGE)
    assert [point.x for point in average] == [0, 4]  # step 2 was not measured on both
    assert average[1].value == pytest.approx((0.8125 + 0.5) / 2)


def test_the_axis_is_what_was_made_equal():
    comparison = compare(FOUND, baseline="full", match="tokens")
    curve = accuracy_curve(comparison, comparison.baseline, "easy")
    assert [point.x for point in curve] == [0, 15, 100]


def test_lengths_and_training_curves_reach_from_seed_to_seed():
    comparison = compare(FOUND, baseline="full", match="steps")
    assert length_curve(comparison, comparison.baseline)[1] == (4, 14, 14, 14)
    curve = training_curve(comparison.baseline, "reward/score_mean")
    assert curve == [(0, -1, -1, -1), (1, 0.5, 0, 1)]  # step 2 is one run's only
    assert training_curve(comparison.baseline, "response/length") == []
