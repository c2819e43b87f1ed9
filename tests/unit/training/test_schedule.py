import math

import pytest

from limr.training.schedule import lr_factor, planned_steps


def factors(schedule, steps, **overrides):
    options = {"warmup_steps": 4, "total_steps": 12, "min_ratio": 0.1} | overrides
    return [lr_factor(step, schedule=schedule, **options) for step in steps]


def test_warmup_is_linear_and_reaches_the_peak_on_its_last_step():
    assert factors("constant", range(4)) == [0.25, 0.5, 0.75, 1.0]


def test_constant_stays_at_the_peak_and_needs_no_end():
    assert factors("constant", [4, 5000], total_steps=None) == [1.0, 1.0]


def test_linear_falls_evenly_to_the_floor_and_stays():
    assert factors("linear", [4, 8, 12, 99]) == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_cosine_falls_as_half_a_cosine():
    middle = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 4))
    assert factors("cosine", [4, 6, 8, 12]) == pytest.approx([1.0, middle, 0.55, 0.1])


def test_no_warmup_starts_at_the_peak():
    assert factors("cosine", [0], warmup_steps=0) == [1.0]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_decay_without_an_end_is_refused(schedule):
    with pytest.raises(ValueError, match=f"{schedule} needs to know where the run ends"):
        factors(schedule, [4], total_steps=None)


@pytest.mark.parametrize(
    ("rollouts", "max_steps", "steps"),
    [(36, -1, 72), (36, 50, 50), (36, 100, 72), (None, 100, 100)],
)
def test_planned_steps_end_with_whichever_limit_comes_first(rollouts, max_steps, steps):
    planned = planned_steps(rollouts=rollouts, updates_per_rollout=2, max_steps=max_steps)
    assert planned == steps


def test_a_decay_over_epochs_of_unknown_length_needs_max_steps():
    with pytest.raises(ValueError, match=r"by threshold decides .*; set trainer\.max_steps"):
        planned_steps(rollouts=None, updates_per_rollout=2, max_steps=-1)
