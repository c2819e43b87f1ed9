"""Cutting, joining and shuffling of ragged batches; nothing here changes a number under a mask."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import torch
from torch import Tensor

from limr.types import GradedResponses, Rollout, Trajectory

_PROMPT_FIELDS = ("prompt_ids", "prompt_mask")
_TOKEN_FIELDS = ("response_ids", "response_mask", "logprobs", "ref_logprobs", "values")


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
    prompts = {name: getattr(trajectory, name)[:, prompt] for name in _PROMPT_FIELDS}
    names = (*_TOKEN_FIELDS, "advantages", "returns")
    return replace(trajectory, **prompts, **{n: getattr(trajectory, n)[:, response] for n in names})


def minibatches(
    trajectory: Trajectory, size: int, generator: torch.Generator
) -> Iterator[Trajectory]:
    """Shuffled minibatches of `size` rows, the last perhaps shorter; every row exactly once."""
    order = torch.randperm(len(trajectory), generator=generator)
    for rows in torch.split(order, size):
        yield trajectory[rows.to(trajectory.response_ids.device)]


def micro_batches(minibatch: Trajectory, size: int) -> Iterator[Trajectory]:
    """Every row once, in trimmed chunks of at most `size` rows of like length."""
    for rows in by_length(minibatch.prompt_mask, minibatch.response_mask, size):
        yield trim(minibatch[rows])


def informative_rows(scores: Tensor, samples_per_prompt: int) -> Tensor:
    """Rows of the prompts whose samples do not all have one score (DAPO's dynamic sampling).

    Args:
        scores: (B,) float, a prompt's samples side by side.
        samples_per_prompt: Samples of each prompt.

    Returns:
        (K,) int64 row indices, whole groups in order.
    """
    groups = scores.view(-1, samples_per_prompt)
    mixed = (groups != groups[:, :1]).any(dim=1)
    return mixed.repeat_interleave(samples_per_prompt).nonzero().squeeze(1)


def take_rows(rollout: Rollout, rows: Tensor) -> Rollout:
    """The rollout's rows named by a (K,) index tensor."""
    index = rows.tolist()
    graded = rollout.graded
    tensors = (*_PROMPT_FIELDS, *_TOKEN_FIELDS, "scores")
    return replace(
        rollout,
        graded=replace(
            graded,
            problems=tuple(graded.problems[i] for i in index),
            responses=tuple(graded.responses[i] for i in index),
            verdicts=tuple(graded.verdicts[i] for i in index),
            lengths=tuple(graded.lengths[i] for i in index),
            truncated=tuple(graded.truncated[i] for i in index),
        ),
        **{name: getattr(rollout, name)[rows] for name in tensors},
    )


def join_rollouts(rollouts: Sequence[Rollout]) -> Rollout:
    """One rollout of all rows, prompts padded on the left, responses on the right."""
    first = rollouts[0]
    if len(rollouts) == 1:
        return first
    joined: dict[str, Tensor] = {}
    for name in _PROMPT_FIELDS:
        joined[name] = _pad_and_join([getattr(r, name) for r in rollouts], left=True)
    for name in _TOKEN_FIELDS:
        joined[name] = _pad_and_join([getattr(r, name) for r in rollouts], left=False)
    parts = [r.graded for r in rollouts]
    graded = GradedResponses(
        problems=tuple(chain.from_iterable(g.problems for g in parts)),
        responses=tuple(chain.from_iterable(g.responses for g in parts)),
        verdicts=tuple(chain.from_iterable(g.verdicts for g in parts)),
        lengths=tuple(chain.from_iterable(g.lengths for g in parts)),
        truncated=tuple(chain.from_iterable(g.truncated for g in parts)),
        samples_per_prompt=first.graded.samples_per_prompt,
    )
    return replace(first, graded=graded, scores=torch.cat([r.scores for r in rollouts]), **joined)


def _pad_and_join(parts: Sequence[Tensor], *, left: bool) -> Tensor:
    width = max(part.shape[1] for part in parts)
    missing = [width - part.shape[1] for part in parts]
    pad = torch.nn.functional.pad
    return torch.cat(
        [pad(p, (m, 0) if left else (0, m)) for p, m in zip(parts, missing, strict=True)]
    )
