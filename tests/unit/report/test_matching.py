import numpy as np
import pytest
from comparison_toys import toy_run

from limr.report.matching import (
    common_amount,
    common_benchmarks,
    final_accuracy,
    first_step_at,
    matched,
)

SHORT = toy_run("short", {"easy": {0: [0.0], 2: [0.5], 4: [0.5]}}, tokens={0: 0, 2: 10, 4: 50})
LONG = toy_run("long", {"easy": {0: [0.0], 3: [0.25], 6: [1.0]}}, tokens={0: 0, 3: 15, 6: 30})


def test_the_common_amount_is_the_least_of_the_last():
    assert common_amount([SHORT, LONG], "steps") == 4
    assert common_amount([SHORT, LONG], "tokens") == 30


def test_a_smaller_amount_may_be_asked_for_and_no_larger_one():
    assert common_amount([SHORT, LONG], "steps", 2.5) == 2.5
    with pytest.raises(
        ValueError, match="not every run reaches 5 steps; the most that all do is 4"
    ):
        common_amount([SHORT, LONG], "steps", 5)


def test_the_last_measurement_at_or_below_counts():
    assert matched(LONG, "easy", "steps", 4).step == 3
    assert matched(SHORT, "easy", "steps", 4).step == 4
    assert matched(SHORT, "easy", "tokens", 30).step == 2
    assert matched(LONG, "easy", "tokens", 30).step == 6


def test_a_run_that_begins_too_late_is_refused():
    late = toy_run("late", {"easy": {5: [1.0]}})
    with pytest.raises(ValueError, match="'late' was not measured on easy at or before 4 steps"):
        matched(late, "easy", "steps", 4)


def test_an_amount_that_is_not_told_is_refused():
    with pytest.raises(ValueError, match=r"'short' does not tell its visits .*--match steps"):
        common_amount([SHORT], "visits")


def test_benchmarks_that_all_have():
    one = toy_run("one", {"a": {0: [0.0]}, "b": {0: [0.0]}})
    two = toy_run("two", {"b": {0: [0.0]}, "c": {0: [0.0]}})
    assert common_benchmarks([one, two]) == ["b"]
    with pytest.raises(ValueError, match=r"no benchmark was measured in every run \(one: a, b;"):
        common_benchmarks([one, SHORT])


def test_only_wanted_benchmarks():
    runs = [toy_run(name, {"a": {0: [0.0]}, "b": {0: [0.0]}}) for name in ("one", "two")]
    assert common_benchmarks(runs, ["b"]) == ["b"]
    with pytest.raises(ValueError, match="not every run was measured on c; all were on a, b"):
        common_benchmarks(runs, ["b", "c"])


@pytest.mark.parametrize(("accuracy", "step"), [(0.0, 0), (0.25, 3), (0.3, 6), (1.0, 6)])
def test_the_first_step_at_an_accuracy(accuracy, step):
    assert first_step_at(LONG, "easy", accuracy) == step
    assert first_step_at(SHORT, "easy", 0.51) is None


def test_the_final_accuracy_is_that_of_each_runs_end():
    assert final_accuracy([SHORT, LONG], "easy") == np.mean([0.5, 1.0])
