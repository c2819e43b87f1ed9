import torch

from limr.training.batching import (
    informative_rows,
    join_rows,
    micro_batches,
    minibatches,
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
        parts = list(minibatches(trajectory, 4, generator))
        assert [len(part) for part in parts] == [4, 4, 2]
        return [rows[tuple(ids)] for part in parts for ids in part.prompt_ids.tolist()]

    assert sorted(order(1)) == list(range(10))
    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != list(range(10))


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
