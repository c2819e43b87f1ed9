from dataclasses import replace

import pytest
import torch

from limr.training.batching import (
    informative_rows,
    join_rows,
    micro_batches,
    minibatches,
    shuffled_rows,
    take_rows,
    trim,
)


def kept(trajectory, name):
    mask = trajectory.prompt_mask if name.startswith("prompt") else trajectory.response_mask
    return [row[keep].tolist() for row, keep in zip(getattr(trajectory, name), mask, strict=True)]


def test_trim_drops_exactly_the_columns_no_row_needs(make_trajectory):
    padded = make_trajectory([2, 4], [3, 1], extra_left=5, extra_right=2)
    trimmed = trim(padded)
    assert trimmed.prompt_ids.shape == (2, 4)
    assert trimmed.response_ids.shape == trimmed.returns.shape == (2, 3)
    for name in ("prompt_ids", "response_ids", "logprobs", "values", "advantages", "returns"):
        assert kept(trimmed, name) == kept(padded, name)


def test_minibatches_hold_every_row_once_and_follow_the_generator(make_trajectory):
    trajectory = make_trajectory([3] * 10, [2] * 10)
    rows = {tuple(ids): i for i, ids in enumerate(trajectory.prompt_ids.tolist())}
    assert len(rows) == 10

    def order(seed):
        generator = torch.Generator().manual_seed(seed)
        parts = list(minibatches(trajectory, size=4, samples_per_prompt=2, generator=generator))
        assert [len(part) for part in parts] == [4, 4, 2]
        return [rows[tuple(ids)] for part in parts for ids in part.prompt_ids.tolist()]

    assert sorted(order(1)) == list(range(10))
    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != list(range(10))


@pytest.mark.parametrize(("prompts", "size", "ranks"), [(8, 8, 2), (12, 8, 4), (4, 16, 2)])
def test_ranks_share_out_the_minibatches_of_one_process(make_trajectory, prompts, size, ranks):
    samples = 3

    def seeded(rows, rank, world_size):
        whole = make_trajectory([3] * len(rows), [2] * len(rows))
        ids = torch.tensor(rows)[:, None].expand(-1, 3)
        return [
            part.prompt_ids[:, 0].tolist()
            for part in minibatches(
                replace(whole, prompt_ids=ids),
                size=size,
                samples_per_prompt=samples,
                generator=torch.Generator().manual_seed(5),
                rank=rank,
                world_size=world_size,
            )
        ]

    def rows_of_rank(rank):
        return [p * samples + i for p in range(rank, prompts, ranks) for i in range(samples)]

    alone = seeded(list(range(prompts * samples)), 0, 1)
    shares = [seeded(rows_of_rank(rank), rank, ranks) for rank in range(ranks)]
    assert len(alone) == -(-prompts * samples // size)
    for whole, *parts in zip(alone, *shares, strict=True):
        assert {len(part) for part in parts} == {len(whole) // ranks}
        assert sorted(row for part in parts for row in part) == sorted(whole)


def test_a_minibatch_of_one_unit_holds_different_prompts():
    order = shuffled_rows(8, 4, 8, torch.Generator().manual_seed(0))
    assert sorted(order.tolist()) == list(range(32))
    for minibatch in order.split(8):
        assert sorted((minibatch // 4).tolist()) == list(range(8))


def test_a_minibatch_that_does_not_divide_over_the_ranks_is_refused(make_trajectory):
    parts = minibatches(
        make_trajectory([3] * 4, [2] * 4),
        size=5,
        samples_per_prompt=1,
        generator=torch.Generator(),
        world_size=2,
    )
    with pytest.raises(ValueError, match="minibatch_size 5 does not divide over 2 ranks"):
        next(parts)


def test_micro_batches_hold_every_row_once_with_rows_of_like_length_together(make_trajectory):
    whole = make_trajectory([1, 4, 1, 2], [5, 3, 2, 2])
    parts = list(micro_batches(whole, 2))
    assert [part.prompt_ids.shape for part in parts] == [(2, 2), (2, 4)]
    assert [part.response_ids.shape for part in parts] == [(2, 2), (2, 5)]
    rows = [row for part in parts for row in kept(part, "advantages")]
    assert sorted(rows) == sorted(kept(whole, "advantages"))


def test_informative_rows_are_the_groups_solved_sometimes():
    correct = torch.tensor([True, True, True, False, False, False, False, True])
    assert informative_rows(correct, 2).tolist() == [2, 3, 6, 7]
    assert informative_rows(torch.zeros(4, dtype=torch.bool), 2).tolist() == []


def test_take_rows_takes_every_tensor_alike(make_rollout):
    taken = take_rows(make_rollout([1.0, -0.5, 1.0, 1.0], 3, 2), torch.tensor([1, 3]))
    assert taken.scores.tolist() == [-0.5, 1.0]
    assert taken.prompt_ids[:, 0].tolist() == taken.logprobs[:, 0].tolist() == [1, 3]
    assert taken.values[:, 0].tolist() == [1.5, 3.5]


def test_joined_parts_keep_every_row_and_pad_the_right_sides(make_rollout):
    first, second = make_rollout([1.0, -0.5], 2, 4), make_rollout([-0.5, 1.0], 3, 1, start=2)
    joined = join_rows([first, second])
    assert joined.prompt_mask.tolist() == [[False, True, True]] * 2 + [[True] * 3] * 2
    assert joined.response_mask.tolist() == [[True] * 4] * 2 + [[True, False, False, False]] * 2
    assert joined.scores.tolist() == [1.0, -0.5, -0.5, 1.0]
    assert joined.values[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5]
