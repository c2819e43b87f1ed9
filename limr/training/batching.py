"""Cutting, joining and shuffling of ragged batches; nothing here changes a number under a mask."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields

import torch
from torch import Tensor

from limr.types import Experience, Trajectory

_PROMPT_FIELDS = ("prompt_ids", "prompt_mask")


def kept_columns(prompt_mask: Tensor, response_mask: Tensor) -> tuple[slice, slice]:
    """Prompt and response columns that some row needs: all but leading and trailing padding."""
    first = int(prompt_mask.any(dim=0).int().argmax())
    last = int(response_mask.any(dim=0).sum())
    return slice(first, None), slice(0, last)


def by_length(prompt_mask: Tensor, response_mask: Tensor, size: int) -> Iterator[Tensor]:
    """Row indices in chunks of at most `size`, rows of like length together to save padding."""
    order = (prompt_mask.sum(dim=1) + response_mask.sum(dim=1)).argsort(stable=True)
    yield from torch.split(order, size)


def trim(trajectory: Trajectory) -> Trajectory:
    """The trajectory without the padding that no row needs."""
    prompt, response = kept_columns(trajectory.prompt_mask, trajectory.response_mask)
    return Trajectory(
        **{
            f.name: getattr(trajectory, f.name)[:, prompt if f.name in _PROMPT_FIELDS else response]
            for f in fields(Trajectory)
        }
    )


def minibatches(
    trajectory: Trajectory,
    *,
    size: int,
    samples_per_prompt: int,
    generator: torch.Generator,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[Trajectory]:
    """This rank's rows of shuffled minibatches, the last perhaps shorter; every row exactly once.

    Which rows make a minibatch does not depend on the number of ranks. See `shuffled_rows`.

    Args:
        trajectory: This rank's rows: of prompts `rank`, `rank + world_size`, ... of the step, a
            prompt's samples side by side.
        size: Responses of a minibatch, over all ranks.
        samples_per_prompt: Responses of each prompt.
        generator: Decides the order; in the same state on every rank.
        rank: This process.
        world_size: All processes.

    Raises:
        ValueError: If `size` does not divide over the ranks.
    """
    if size % world_size:
        raise ValueError(f"ppo.minibatch_size {size} does not divide over {world_size} ranks")
    prompts = len(trajectory) // samples_per_prompt * world_size
    order = shuffled_rows(prompts, samples_per_prompt, size, generator)
    for rows in torch.split(order, size):
        prompt, sample = rows // samples_per_prompt, rows % samples_per_prompt
        own = prompt % world_size == rank
        local = prompt[own] // world_size * samples_per_prompt + sample[own]
        yield trajectory[local.to(trajectory.response_ids.device)]


def shuffled_rows(
    prompts: int, samples_per_prompt: int, size: int, generator: torch.Generator
) -> Tensor:
    """A random order of a step's rows whose minibatches share out evenly over any ranks.

    Rows are shuffled in units: one random sample of each of S consecutive prompts, S the greatest
    common divisor of prompts and minibatch size. Ranks take every W-th prompt and W divides both
    numbers, so each minibatch has equally many rows on every rank. With one unit a minibatch it
    holds as many different prompts as it can.

    Args:
        prompts: P prompts of the step over all ranks, themselves in random order.
        samples_per_prompt: n responses of each.
        size: Responses of a minibatch.
        generator: Decides the order.

    Returns:
        (P * n,) int64, a permutation of the rows; row p * n + i is sample i of prompt p.
    """
    n, block = samples_per_prompt, math.gcd(prompts, size)
    samples = torch.rand(prompts, n, dtype=torch.float64, generator=generator).argsort(dim=1)
    rows = torch.arange(prompts)[:, None] * n + samples
    units = rows.view(prompts // block, block, n).transpose(1, 2).reshape(-1, block)
    return units[torch.randperm(len(units), generator=generator)].flatten()


def micro_batches(minibatch: Trajectory, size: int) -> Iterator[Trajectory]:
    """Every row once, in trimmed chunks of at most `size` rows of like length."""
    for rows in by_length(minibatch.prompt_mask, minibatch.response_mask, size):
        yield trim(minibatch[rows])


def informative_rows(correct: Tensor, samples_per_prompt: int) -> Tensor:
    """Rows of the prompts that are neither always nor never solved (DAPO's dynamic sampling).

    Args:
        correct: (B,) bool, a prompt's samples side by side.
        samples_per_prompt: Samples of each prompt.

    Returns:
        (K,) int64 row indices, whole groups in order.

    References:
        Yu et al. 2025, https://arxiv.org/abs/2503.14476, eq. 11.
    """
    groups = correct.view(-1, samples_per_prompt)
    mixed = groups.any(dim=1) & ~groups.all(dim=1)
    return mixed.repeat_interleave(samples_per_prompt).nonzero().squeeze(1)


def take_rows(experience: Experience, rows: Tensor) -> Experience:
    """The rows named by a (K,) index tensor."""
    return Experience(**{f.name: getattr(experience, f.name)[rows] for f in fields(Experience)})


def join_rows(parts: Sequence[Experience]) -> Experience:
    """All rows of all parts, prompts padded on the left and responses on the right."""
    return Experience(
        **{
            f.name: _pad_and_join(
                [getattr(part, f.name) for part in parts], left=f.name in _PROMPT_FIELDS
            )
            for f in fields(Experience)
        }
    )


def _pad_and_join(parts: Sequence[Tensor], *, left: bool) -> Tensor:
    if parts[0].ndim == 1:
        return torch.cat(list(parts))
    width = max(part.shape[1] for part in parts)
    missing = [width - part.shape[1] for part in parts]
    pad = torch.nn.functional.pad
    return torch.cat(
        [pad(p, (m, 0) if left else (0, m)) for p, m in zip(parts, missing, strict=True)]
    )
