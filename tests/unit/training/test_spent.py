"""What a policy has cost, counted over ranks, saved, and logged at the step it belongs to."""

import logging
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from limr.training.spent import Spent, exact


@pytest.fixture
def trainer():
    """After its third training step, of 8 optimizer steps in all; 4 training problems."""
    epoch_loop = SimpleNamespace(total_batch_idx=2)
    return SimpleNamespace(
        fit_loop=SimpleNamespace(epoch_loop=epoch_loop),
        global_step=8,
        datamodule=SimpleNamespace(problems=["a", "b", "c", "d"]),
    )


def test_each_step_adds_all_ranks_prompts_responses_and_tokens(make_rollout, trainer):
    rollout = make_rollout([1.0, -0.5, 1.0, 1.0], 3, 5)  # two prompts, two samples, five tokens
    one = Spent().after(rollout, trainer, lambda x: x)
    both = one.after(rollout, trainer, lambda x: 2 * x)  # as two ranks do
    assert one == Spent(steps=3, optimizer_steps=8, prompts=2, responses=4, tokens=20, problems=4)
    assert both.metrics() == {
        "progress/optimizer_steps": 8,
        "progress/responses": 4 + 8,
        "progress/tokens": 20 + 40,
        "progress/visits": (2 + 4) / 4,
    }


def test_nothing_is_spent_before_the_first_step():
    assert set(Spent().metrics().values()) == {0}


def test_visits_are_left_out_where_the_problems_are_not_known(make_rollout, trainer):
    trainer.datamodule = None
    spent = Spent().after(make_rollout([1.0, 1.0], 3, 5), trainer, lambda x: x)
    assert "progress/visits" not in spent.metrics()


def test_a_checkpoint_gives_back_what_it_was_given(caplog):
    spent = Spent(steps=3, optimizer_steps=8, prompts=2, responses=4, tokens=20, problems=4)
    assert Spent.saved_in({"spent": asdict(spent)}) == spent
    assert not caplog.records


def test_a_checkpoint_without_counts_is_said_to_be_one(caplog):
    with caplog.at_level(logging.WARNING):
        assert Spent.saved_in({}) == Spent()
    assert "progress/* counts from 0" in caplog.text


def test_millions_of_tokens_are_logged_to_the_last_one():
    tokens = 2**24 + 1  # the first whole number that float32 does not have
    assert exact({"progress/tokens": tokens})["progress/tokens"].item() == tokens
