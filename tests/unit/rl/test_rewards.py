import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rl_batches import POISONS, normal, poison, ragged_mask, random_lengths

from limr.rl.rewards import overlong_penalty, token_rewards


@pytest.mark.parametrize("seed", range(4))
def test_token_rewards_one_token_at_a_time(seed):
    rng = np.random.default_rng(seed)
    lengths = random_lengths(rng, 6, 8)
    mask = ragged_mask(lengths, width=10)
    kl = normal(rng, mask)
    scores = torch.tensor(rng.choice([1.0, -0.5, -1.0], size=6))
    expected = torch.zeros(6, 10, dtype=torch.float64)
    for i, length in enumerate(lengths):
        for t in range(length):
            expected[i, t] = -0.01 * float(kl[i, t])
            if t == length - 1:
                expected[i, t] += float(scores[i])
    torch.testing.assert_close(
        token_rewards(scores, kl, mask, kl_coef=0.01), expected, rtol=0, atol=1e-12
    )


@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    kl_coef=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_row_sums_to_its_score_minus_its_kl(lengths, kl_coef, seed):
    rng = np.random.default_rng(seed)
    mask = ragged_mask(lengths)
    kl, scores = normal(rng, mask), torch.tensor(rng.standard_normal(len(lengths)))
    total = token_rewards(scores, kl, mask, kl_coef=kl_coef).sum(dim=1)
    for i, length in enumerate(lengths):
        expected = float(scores[i]) - kl_coef * math.fsum(kl[i, :length].tolist())
        assert total[i].item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("value", POISONS)
def test_kl_under_the_mask_is_never_read(value):
    mask = ragged_mask([1, 3])
    kl = poison(torch.ones(2, 3), mask, value)
    rewards = token_rewards(torch.tensor([1.0, -1.0]), kl, mask, kl_coef=0.5)
    assert rewards.tolist() == [[0.5, 0.0, 0.0], [-0.5, -0.5, -1.5]]


def test_half_precision_kl_does_not_round_the_score():
    rewards = token_rewards(
        torch.tensor([1.001]), torch.zeros(1, 2).bfloat16(), ragged_mask([2]), kl_coef=0.0
    )
    assert rewards.dtype == torch.float32
    assert rewards[0, 1].item() == pytest.approx(1.001, abs=1e-7)


def test_arguments_are_checked():
    mask, kl = ragged_mask([2, 3]), torch.zeros(2, 3)
    with pytest.raises(ValueError, match="row 1 of response_mask keeps no token"):
        token_rewards(torch.zeros(2), kl, ragged_mask([3, 0]), kl_coef=0.0)
    with pytest.raises(ValueError, match=r"scores must be \(2,\), one per row"):
        token_rewards(torch.zeros(2, 1), kl, mask, kl_coef=0.0)
    with pytest.raises(ValueError, match="kl_coef must be >= 0"):
        token_rewards(torch.zeros(2), kl, mask, kl_coef=-0.1)
    with pytest.raises(ValueError, match="row 0 turns from False to True"):
        token_rewards(torch.zeros(2), kl, mask.flip(1), kl_coef=0.0)


def test_overlong_penalty_by_hand():
    lengths = torch.tensor([1, 80, 81, 90, 95, 100, 101, 400])
    expected = torch.tensor([0.0, 0.0, -0.05, -0.5, -0.75, -1.0, -1.0, -1.0])
    penalty = overlong_penalty(lengths, max_response_tokens=100, buffer_tokens=20)
    torch.testing.assert_close(penalty, expected)


@given(limit=st.integers(1, 500), data=st.data())
def test_overlong_penalty_has_the_three_pieces_of_the_paper(limit, data):
    buffer = data.draw(st.integers(1, limit))
    length = data.draw(st.integers(0, 2 * limit))
    if length <= limit - buffer:
        expected = 0.0
    elif length <= limit:
        expected = ((limit - buffer) - length) / buffer
    else:
        expected = -1.0
    penalty = overlong_penalty(
        torch.tensor([length]), max_response_tokens=limit, buffer_tokens=buffer
    )
    assert penalty.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("buffer", [0, 11, -1])
def test_a_buffer_wider_than_the_limit_is_refused(buffer):
    with pytest.raises(
        ValueError, match=r"buffer_tokens must be in \[1, max_response_tokens = 10\]"
    ):
        overlong_penalty(torch.tensor([1]), max_response_tokens=10, buffer_tokens=buffer)
