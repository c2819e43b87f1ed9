import numpy as np
import pytest
from comparison_toys import toy_run

from limr.report.comparison import AVERAGE, compare
from limr.report.intervals import mean_interval, paired_change
from limr.report.runs import Found
from limr.report.seeds import accuracy_interval, difference_interval

HARD = {0: [0.0, 0.0], 4: [0.5, 0.0]}


def found(*runs, notes=()):
    return Found([*runs], [*notes])


def runs_of(arm, ends, benchmarks=("easy",), **overrides):
    """A run for each seed; at step 4 its questions of each benchmark fare as `ends` says."""
    return [
        toy_run(
            f"{arm}-{seed}",
            {name: {0: [0.0] * len(end), 4: end} for name in benchmarks},
            arm=arm,
            seed=str(seed),
            **overrides,
        )
        for seed, end in enumerate(ends, start=1)
    ]


FULL = [[0.25, 0.5, 0.75, 1.0], [0.5, 0.5, 0.5, 1.0]]
LIM = [[0.5, 0.75, 0.75, 1.0], [0.5, 0.75, 1.0, 1.0]]


def test_a_row_has_the_arms_accuracy_and_its_difference():
    result = compare(
        found(*runs_of("full", FULL), *runs_of("lim", LIM)), baseline="full", match="steps"
    )
    full, lim = result.rows
    full_shares, lim_shares = np.array(FULL), np.array(LIM)
    assert (full.arm, full.benchmark, full.seeds, full.steps) == ("full", "easy", 2, (4, 4))
    assert full.difference is None
    assert full.accuracy == accuracy_interval([full_shares])
    assert lim.accuracy == accuracy_interval([lim_shares])
    assert lim.difference == difference_interval([lim_shares], [full_shares], paired=True)
    assert lim.difference.value == pytest.approx(lim_shares.mean() - full_shares.mean())
    assert lim.length == 14.0
    assert result.benchmarks == ("easy",)
    assert (result.amount, result.baseline.name) == (4, "full")


def test_with_one_seed_each_it_is_the_interval_over_questions():
    runs = [*runs_of("full", FULL[:1]), *runs_of("lim", LIM[:1])]
    full, lim = compare(found(*runs), baseline="full", match="steps").rows
    assert full.accuracy[1:] == pytest.approx(mean_interval(np.array(FULL[0])))
    change = paired_change(dict(enumerate(FULL[0])), dict(enumerate(LIM[0])))
    assert lim.difference == pytest.approx(change)


def test_other_seeds_are_not_paired():
    others = [toy_run(f"lim-{s}", {"easy": {0: [0] * 4, 4: end}}, arm="lim", seed=s)
              for s, end in zip(("8", "9"), LIM, strict=True)]  # fmt: skip
    result = compare(found(*runs_of("full", FULL), *others), baseline="full", match="steps")
    expected = difference_interval([np.array(LIM)], [np.array(FULL)], paired=False)
    assert result.rows[1].difference == expected


def test_the_average_weighs_benchmarks_alike():
    runs = [
        toy_run("full", {"easy": {4: [1.0, 1.0, 0.0]}, "hard": {4: [0.0]}}),
        toy_run("lim", {"easy": {4: [1.0, 1.0, 1.0]}, "hard": {4: [1.0]}}),
    ]
    result = compare(found(*runs), baseline="full", match="steps")
    assert result.benchmarks == ("easy", "hard", AVERAGE)
    full, lim = result.rows_of(AVERAGE)
    assert full.accuracy.value == pytest.approx((2 / 3 + 0) / 2)
    assert lim.difference.value == pytest.approx((1 / 3 + 1) / 2)
    assert full.reached == ()


def test_arms_are_compared_at_an_equal_amount():
    full = toy_run("full", {"easy": {0: [0.0], 4: [0.5], 8: [1.0]}}, tokens={0: 0, 4: 10, 8: 20})
    lim = toy_run("lim", {"easy": {0: [0.0], 4: [1.0]}}, tokens={0: 0, 4: 40})
    by_step = compare(found(full, lim), baseline="full", match="steps")
    assert [row.steps for row in by_step.rows] == [(4,), (4,)]
    by_token = compare(found(full, lim), baseline="full", match="tokens")
    assert by_token.amount == 20
    assert [row.steps for row in by_token.rows] == [(8,), (0,)]


def test_an_earlier_amount_and_some_benchmarks_may_be_asked_for():
    measured = {0: [0.0, 0.0], 2: [0.5, 0.5], 4: [1.0, 0.5]}
    runs = [toy_run(name, {"easy": measured, "hard": HARD}) for name in ("full", "lim")]
    result = compare(found(*runs), baseline="full", match="steps", at=3, benchmarks=["easy"])
    assert (result.amount, result.at_most, result.benchmarks) == (3, False, ("easy",))
    assert [row.steps for row in result.rows] == [(2,), (2,)]
    assert [row.reached for row in result.rows] == [(4,), (4,)]  # the baseline's last, still
    assert result.notes == ()


def test_how_soon_an_arm_is_as_good_as_the_baseline_ends():
    full = toy_run("full", {"easy": {0: [0.0, 0.0], 4: [1.0, 0.0], 8: [0.5, 0.5]}})
    lim = toy_run("lim", {"easy": {0: [0.0, 0.0], 2: [0.5, 0.5], 8: [1.0, 1.0]}})
    never = toy_run("random", {"easy": {0: [0.0, 0.0], 8: [0.5, 0.0]}})
    result = compare(found(full, lim, never), baseline="full", match="steps")
    assert [row.reached for row in result.rows] == [(4,), (2,), (None,)]


def test_what_is_missing_is_told():
    full = toy_run("full", {"easy": {4: [1.0, 0.0, 0.0]}, "hard": HARD})
    lim = toy_run("lim", {"easy": {2: [1.0, 0.0], 4: [1.0, 0.0]}}, status="RUNNING")
    result = compare(found(full, lim, notes=["earlier"]), baseline="full", match="steps")
    assert result.notes == (
        "earlier",
        "benchmark 'hard' is left out: not every run was measured on it",
        "'easy' is compared on the 2 questions that every run has; some have 3",
        "run 'lim' is RUNNING, not FINISHED: it is compared as far as it was measured, to step 4",
    )
    assert result.rows[0].accuracy.value == 0.5
    assert [row.reached for row in result.rows] == [(4,), (2,)]  # by those questions, too


def test_nothing_to_compare_is_refused():
    with pytest.raises(ValueError, match="nothing to compare: run 'a' is left out"):
        compare(found(notes=["run 'a' is left out"]), baseline="full", match="steps")
