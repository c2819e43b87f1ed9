import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rl_batches import POISONS, kept_rows, normal, poison, ragged_mask, random_lengths

from limr.rl.advantages import gae, group_advantages, reinforce_plus_plus

UNIT = st.floats(0, 1)
LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=5)
SEEDS = st.integers(0, 2**32 - 1)


def batch(lengths, seed):
    rng = np.random.default_rng(seed)
    mask = ragged_mask(lengths)
    return normal(rng, mask), normal(rng, mask), mask


def return_to_go(rewards, t, gamma):
    return math.fsum(gamma**k * r for k, r in enumerate(rewards[t:]))


def discounted_td_errors(rewards, values, t, gamma, gae_lambda):
    padded = [*values, 0.0]
    return math.fsum(
        (gamma * gae_lambda) ** k * (rewards[t + k] + gamma * padded[t + k + 1] - padded[t + k])
        for k in range(len(rewards) - t)
    )


@given(lengths=LENGTHS, seed=SEEDS, gamma=UNIT, gae_lambda=UNIT)
def test_gae_is_the_discounted_sum_of_td_errors(lengths, seed, gamma, gae_lambda):
    rewards, values, mask = batch(lengths, seed)
    advantages, returns = gae(rewards, values, mask, gamma=gamma, gae_lambda=gae_lambda)
    rows = zip(kept_rows(rewards, mask), kept_rows(values, mask), strict=True)
    for i, (row_rewards, row_values) in enumerate(rows):
        for t in range(len(row_rewards)):
            expected = discounted_td_errors(row_rewards, row_values, t, gamma, gae_lambda)
            assert advantages[i, t].item() == pytest.approx(expected, abs=1e-9)
            assert returns[i, t].item() == pytest.approx(expected + row_values[t], abs=1e-9)
    assert not advantages[~mask].any()
    assert not returns[~mask].any()


@given(lengths=LENGTHS, seed=SEEDS, gamma=UNIT)
def test_lambda_one_is_return_to_go_minus_value(lengths, seed, gamma):
    rewards, values, mask = batch(lengths, seed)
    _, returns = gae(rewards, values, mask, gamma=gamma, gae_lambda=1.0)
    for i, row in enumerate(kept_rows(rewards, mask)):
        for t in range(len(row)):
            assert returns[i, t].item() == pytest.approx(return_to_go(row, t, gamma), abs=1e-9)


def test_lambda_zero_is_the_td_error():
    rewards = torch.tensor([[1.0, 2.0, 4.0]])
    values = torch.tensor([[0.5, 1.5, 3.0]])
    advantages, _ = gae(rewards, values, ragged_mask([3]), gamma=0.5, gae_lambda=0.0)
    assert advantages.tolist() == [[1.0 + 0.75 - 0.5, 2.0 + 1.5 - 1.5, 4.0 - 3.0]]


def test_a_score_on_the_last_token_decays_geometrically():
    rewards = torch.zeros(1, 6).index_fill(1, torch.tensor([5]), 1.0)
    advantages, _ = gae(rewards, torch.zeros(1, 6), ragged_mask([6]), gamma=1.0, gae_lambda=0.95)
    expected = [0.95**k for k in (5, 4, 3, 2, 1, 0)]
    assert advantages[0].tolist() == pytest.approx(expected, rel=1e-6)


def test_a_perfect_critic_leaves_no_advantage():
    lengths, gamma = [5, 2], 0.9
    rewards, _, mask = batch(lengths, 3)
    values = torch.zeros_like(rewards)
    for i, row in enumerate(kept_rows(rewards, mask)):
        for t in range(len(row)):
            values[i, t] = return_to_go(row, t, gamma)
    advantages, _ = gae(rewards, values, mask, gamma=gamma, gae_lambda=0.7)
    torch.testing.assert_close(advantages, torch.zeros_like(advantages), rtol=0, atol=1e-12)


def test_padding_width_and_neighbours_do_not_matter():
    rewards, values, mask = batch([4, 7, 1], 5)
    together = gae(rewards, values, mask)
    alone = gae(rewards[:1, :4], values[:1, :4], mask[:1, :4])
    for whole, part in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[:1, :4], part, rtol=0, atol=0)


@pytest.mark.parametrize("value", POISONS)
def test_what_lies_under_the_mask_is_never_read(value):
    rng = np.random.default_rng(9)
    mask = ragged_mask(random_lengths(rng, 4, 6), width=7)
    rewards, values = normal(rng, mask), normal(rng, mask)
    clean = gae(rewards, values, mask)
    poisoned = gae(poison(rewards, mask, value), poison(values, mask, value), mask)
    torch.testing.assert_close(poisoned, clean, rtol=0, atol=0)


def test_half_precision_is_accumulated_in_float32():
    rewards = torch.full((1, 300), 1.0, dtype=torch.bfloat16)
    advantages, _ = gae(rewards, torch.zeros_like(rewards), ragged_mask([300]), gae_lambda=1.0)
    assert advantages[0, 0].item() == 300.0


def test_gae_arguments_are_checked():
    rewards, values, mask = batch([2, 3], 0)
    with pytest.raises(ValueError, match="rewards, values and response_mask must share one shape"):
        gae(rewards, values[:, 1:], mask)
    with pytest.raises(ValueError, match=r"gamma must be in \[0, 1\]"):
        gae(rewards, values, mask, gamma=1.1)
    with pytest.raises(ValueError, match=r"gae_lambda must be in \[0, 1\]"):
        gae(rewards, values, mask, gae_lambda=-0.1)
    with pytest.raises(ValueError, match="turns from False to True"):
        gae(rewards, values, mask.flip(1))


@given(lengths=LENGTHS, seed=SEEDS, gamma=UNIT)
def test_reinforce_plus_plus_is_the_discounted_reward_to_come(lengths, seed, gamma):
    rewards, _, mask = batch(lengths, seed)
    advantages = reinforce_plus_plus(poison(rewards, mask, math.nan), mask, gamma=gamma)
    for i, row in enumerate(kept_rows(rewards, mask)):
        for t in range(len(row)):
            assert advantages[i, t].item() == pytest.approx(return_to_go(row, t, gamma), abs=1e-9)
    assert not advantages[~mask].any()


def expected_group(scores, estimator):
    mean = statistics.fmean(scores)
    if estimator == "dr_grpo":
        return [s - mean for s in scores]
    if estimator == "grpo":
        return [(s - mean) / statistics.stdev(scores) for s in scores]
    others = [scores[:i] + scores[i + 1 :] for i in range(len(scores))]
    return [s - statistics.fmean(rest) for s, rest in zip(scores, others, strict=True)]


@pytest.mark.parametrize("estimator", ["grpo", "dr_grpo", "rloo"])
@pytest.mark.parametrize("samples_per_prompt", [2, 3, 8])
def test_group_advantages_against_the_statistics_module(estimator, samples_per_prompt):
    rng = np.random.default_rng(samples_per_prompt)
    groups = rng.standard_normal((5, samples_per_prompt)).tolist()
    scores = torch.tensor(groups, dtype=torch.float64).flatten()
    result = group_advantages(scores, samples_per_prompt, estimator=estimator)
    expected = [a for group in groups for a in expected_group(group, estimator)]
    assert result.tolist() == pytest.approx(expected, abs=1e-9)


def test_one_success_in_four_by_hand():
    scores = torch.tensor([1.0, 0.0, 0.0, 0.0])
    expected = {
        "dr_grpo": [0.75, -0.25, -0.25, -0.25],
        "rloo": [1.0, -1 / 3, -1 / 3, -1 / 3],
        "grpo": [1.5, -0.5, -0.5, -0.5],
    }
    for estimator, advantages in expected.items():
        result = group_advantages(scores, 4, estimator=estimator)
        assert result.tolist() == pytest.approx(advantages, rel=1e-6)


@pytest.mark.parametrize("estimator", ["grpo", "dr_grpo", "rloo"])
def test_a_group_of_equal_scores_has_exactly_no_advantage(estimator):
    scores = torch.tensor([0.1] * 7 + [-0.3] * 7)
    assert not group_advantages(scores, 7, estimator=estimator).any()


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_rounding_is_not_blown_up_to_an_advantage_but_small_differences_count(size):
    rounding = size * torch.tensor([-1.0, -1.0 - 1e-7, -1.0 + 2e-7, -1.0])
    assert not group_advantages(rounding, 4, estimator="grpo").any()
    difference = size * torch.tensor([-1.0, -1.001], dtype=torch.float64)
    expected = [math.sqrt(0.5), -math.sqrt(0.5)]
    result = group_advantages(difference, 2, estimator="grpo")
    assert result.tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("estimator", ["grpo", "dr_grpo", "rloo"])
def test_groups_do_not_mix_and_integers_are_taken(estimator):
    first, second = torch.tensor([1, 0, 0]), torch.tensor([5, 7, 9])
    apart = [group_advantages(g, 3, estimator=estimator) for g in (first, second)]
    together = group_advantages(torch.cat([first, second]), 3, estimator=estimator)
    torch.testing.assert_close(together, torch.cat(apart), rtol=0, atol=0)


def test_group_arguments_are_checked():
    with pytest.raises(ValueError, match="samples_per_prompt must be >= 2, got 1"):
        group_advantages(torch.zeros(4), 1, estimator="rloo")
    with pytest.raises(ValueError, match="B a multiple of samples_per_prompt = 3"):
        group_advantages(torch.zeros(4), 3, estimator="grpo")
    with pytest.raises(ValueError, match=r"scores must be \(B,\)"):
        group_advantages(torch.zeros(2, 2), 2, estimator="grpo")
    with pytest.raises(ValueError, match="estimator must be grpo, dr_grpo or rloo, got 'ppo'"):
        group_advantages(torch.zeros(4), 2, estimator="ppo")
