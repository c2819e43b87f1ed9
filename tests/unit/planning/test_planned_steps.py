import pytest

from limr.planning.steps import plan_length, rollouts_per_epoch


def run(**data):
    return {
        "model": {"init_args": {
            "sampling": {"samples_per_prompt": 8}, "ppo": {"ppo_epochs": 1, "minibatch_size": 256},
        }},
        "data": {"init_args": {"rollout_batch_size": 1024, "coverage": "drop_last", **data}},
        "trainer": {"max_epochs": 130, "max_steps": -1},
    }  # fmt: skip


def test_the_run_on_1389_problems():
    length = plan_length(run(), 1389)
    assert (length.rollouts, length.optimizer_steps) == (130, 130 * 32)
    assert length.visits_per_problem == pytest.approx(130 * 1024 / 1389)


def test_exact_coverage_visits_each_problem_once_per_epoch():
    length = plan_length(run(coverage="exact"), 1389)
    assert (length.rollouts, length.visits_per_problem) == (260, 130)


def test_unknown_number_of_problems_leaves_the_length_open():
    assert plan_length(run(), None).rollouts is None


def test_too_few_problems_are_refused():
    with pytest.raises(ValueError, match="rollout_batch_size: 1024 is more than the 1000"):
        rollouts_per_epoch(1000, 1024, "drop_last")
