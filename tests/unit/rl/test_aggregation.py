import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rl_batches import POISONS, kept_rows, normal, poison, ragged_mask

from limr.rl.aggregation import aggregate_loss, loss_denominator

MODES = [("token", None), ("sequence", None), ("constant", 7.0)]
LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=7)


def by_hand(rows, aggregate, normalizer):
    rows = [row for row in rows if row]
    if not rows:
        return 0.0
    if aggregate == "token":
        tokens = [value for row in rows for value in row]
        return math.fsum(tokens) / len(tokens)
    if aggregate == "sequence":
        return math.fsum(math.fsum(row) / len(row) for row in rows) / len(rows)
    return math.fsum(math.fsum(row) / normalizer for row in rows) / len(rows)


@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
@given(lengths=LENGTHS, seed=st.integers(0, 2**32 - 1))
def test_aggregate_against_plain_loops(aggregate, normalizer, lengths, seed):
    mask = ragged_mask(lengths)
    per_token = normal(np.random.default_rng(seed), mask)
    result = aggregate_loss(per_token, mask, aggregate=aggregate, normalizer=normalizer)
    expected = by_hand(kept_rows(per_token, mask), aggregate, normalizer)
    assert result.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
@given(lengths=LENGTHS.filter(any), size=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_parts_add_up_to_the_whole(aggregate, normalizer, lengths, size, seed):
    mask = ragged_mask(lengths)
    per_token = normal(np.random.default_rng(seed), mask)
    parts = list(zip(per_token.split(size), mask.split(size), strict=True))
    denominator = sum(loss_denominator(part_mask, aggregate) for _, part_mask in parts)
    total = sum(
        aggregate_loss(
            part, part_mask, aggregate=aggregate, normalizer=normalizer, denominator=denominator
        ).item()
        for part, part_mask in parts
    )
    expected = by_hand(kept_rows(per_token, mask), aggregate, normalizer)
    assert total == pytest.approx(expected, abs=1e-9)


def test_the_denominator_may_be_a_number():
    per_token = torch.tensor([[2.0, 4.0]])
    mask = torch.tensor([[True, True]])
    assert aggregate_loss(per_token, mask, denominator=12).item() == 0.5
    assert aggregate_loss(per_token, mask, aggregate="sequence", denominator=6.0).item() == 0.5


def test_equal_lengths_make_token_and_sequence_agree():
    mask = ragged_mask([4, 4, 4])
    per_token = normal(np.random.default_rng(0), mask)
    torch.testing.assert_close(
        aggregate_loss(per_token, mask), aggregate_loss(per_token, mask, aggregate="sequence")
    )


def test_weight_of_a_token_in_each_mode():
    mask = ragged_mask([1, 3])
    expected = {
        ("token", None): [[1 / 4, 0, 0], [1 / 4] * 3],
        ("sequence", None): [[1 / 2, 0, 0], [1 / 6] * 3],
        ("constant", 5.0): [[1 / 10, 0, 0], [1 / 10] * 3],
    }
    for (aggregate, normalizer), weights in expected.items():
        per_token = torch.zeros(2, 3, requires_grad=True)
        aggregate_loss(per_token, mask, aggregate=aggregate, normalizer=normalizer).backward()
        torch.testing.assert_close(per_token.grad, torch.tensor(weights))


@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
@pytest.mark.parametrize("value", POISONS)
def test_what_lies_under_the_mask_is_never_read(aggregate, normalizer, value):
    mask = ragged_mask([2, 0, 3])
    clean = normal(np.random.default_rng(1), mask)
    poisoned = poison(clean, mask, value).requires_grad_()
    loss = aggregate_loss(poisoned, mask, aggregate=aggregate, normalizer=normalizer)
    loss.backward()
    assert loss.item() == pytest.approx(by_hand(kept_rows(clean, mask), aggregate, normalizer))
    assert poisoned.grad.isfinite().all()
    assert not poisoned.grad[~mask].any()


@pytest.mark.parametrize(("aggregate", "normalizer"), MODES)
def test_a_batch_without_tokens_costs_nothing(aggregate, normalizer):
    per_token = torch.full((2, 3), math.nan, requires_grad=True)
    mask = ragged_mask([0, 0], width=3)
    loss = aggregate_loss(per_token, mask, aggregate=aggregate, normalizer=normalizer)
    loss.backward()
    assert loss.item() == 0.0
    assert not per_token.grad.any()


def test_denominators_count_tokens_or_responses():
    mask = ragged_mask([3, 0, 2])
    assert loss_denominator(mask).item() == 5
    assert loss_denominator(mask, "sequence").item() == 2
    assert loss_denominator(mask, "constant").item() == 2


def test_arguments_are_checked():
    x, mask = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match="aggregate must be token, sequence or constant"):
        aggregate_loss(x, mask, aggregate="mean")
    with pytest.raises(ValueError, match="normalizer goes with aggregate='constant'"):
        aggregate_loss(x, mask, aggregate="constant")
    with pytest.raises(ValueError, match="normalizer goes with aggregate='constant'"):
        aggregate_loss(x, mask, aggregate="token", normalizer=4)
    for normalizer in (0, -1):
        with pytest.raises(ValueError, match="normalizer must be > 0 tokens"):
            aggregate_loss(x, mask, aggregate="constant", normalizer=normalizer)
    with pytest.raises(ValueError, match="per_token and response_mask must share one shape"):
        aggregate_loss(x[:1], mask)
    with pytest.raises(ValueError, match="response_mask must be bool"):
        aggregate_loss(x, mask.long())
