"""Loaders of prompt batches that a run can leave and take up again at any step, on any ranks.

The order of an epoch depends on the seed, the epoch and the problems' ids alone: neither on the
number of ranks nor on what was drawn before, nor on any library's random generator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from limr.types import GradedResponses, Problem, PromptBatch, Sampling

if TYPE_CHECKING:
    from limr.verifier import Reward

Coverage = Literal["exact", "drop_last"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A problem with its prompt's tokens."""

    problem: Problem
    ids: list[int]
    """Token ids, without padding."""


def hashed_order(ids: Sequence[str], *key: int | str) -> list[str]:
    """`ids` in a random order that depends on `key` only, the same on every machine."""

    def place(identifier: str) -> bytes:
        return hashlib.sha256(repr((*key, identifier)).encode()).digest()

    return sorted(ids, key=place)


def steps_per_epoch(
    num_problems: int, *, rollout_batch_size: int, coverage: Coverage, world_size: int = 1
) -> int:
    """Rollout steps in one pass over the problems.

    Args:
        num_problems: Problems in the epoch.
        rollout_batch_size: Prompts of one step, over all ranks.
        coverage: `exact` counts a shorter last step, `drop_last` leaves it out.
        world_size: Ranks that share each step's prompts.

    Raises:
        ValueError: If a step's prompts do not divide over the ranks (ranks would take different
            numbers of optimizer steps and wait for each other for ever), or there is no full step.
    """
    if rollout_batch_size % world_size:
        raise ValueError(
            f"rollout_batch_size {rollout_batch_size} does not divide over {world_size} ranks"
        )
    full, rest = divmod(num_problems, rollout_batch_size)
    if coverage == "drop_last":
        if not full:
            raise ValueError(
                f"rollout_batch_size {rollout_batch_size} is more than the {num_problems} "
                "problems, so coverage: drop_last leaves no step; lower it or set coverage: exact"
            )
        return full
    if rest % world_size:
        raise ValueError(
            f"the last step's {rest} prompts ({num_problems} problems in steps of "
            f"{rollout_batch_size}) do not divide over {world_size} ranks; set coverage: drop_last "
            "or choose num_problems or rollout_batch_size so that they do"
        )
    return full + bool(rest)


def collate(
    prompts: Sequence[Prompt],
    pad_token_id: int,
    *,
    epoch: int = 0,
    benchmark: str = "",
    sampling: Sampling | None = None,
    grader: Reward | None = None,
) -> PromptBatch:
    """One left-padded batch; the mask comes from lengths, so a pad token in a prompt is kept."""
    width = max(len(prompt.ids) for prompt in prompts)
    ids = torch.full((len(prompts), width), pad_token_id, dtype=torch.int64)
    mask = torch.zeros((len(prompts), width), dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt.ids) :] = torch.tensor(prompt.ids, dtype=torch.int64)
        mask[row, width - len(prompt.ids) :] = True
    return PromptBatch(
        problems=tuple(prompt.problem for prompt in prompts),
        prompt_ids=ids,
        prompt_mask=mask,
        epoch=epoch,
        benchmark=benchmark,
        sampling=sampling,
        grader=grader,
    )


class PromptLoader:
    """Training batches, each rank's share of each step.

    Lightning sets the epoch through :attr:`sampler`, saves :meth:`state_dict` and gives it back.
    Iteration reads epoch and position at its first batch, not when it is created: Lightning
    creates the first epoch's iterator before it sets the epoch.
    """

    def __init__(
        self,
        prompts_of: Callable[[int], Sequence[Prompt]],
        *,
        pad_token_id: int,
        rollout_batch_size: int,
        coverage: Coverage,
        seed: int,
        epoch: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Make a loader.

        Args:
            prompts_of: The prompts of an epoch, in any order.
            pad_token_id: Fills the left of shorter prompts.
            rollout_batch_size: Prompts of one step, over all ranks.
            coverage: Whether a shorter last step is taken or left out.
            seed: Decides the order, with the epoch.
            epoch: The epoch to start with.
            rank: This process.
            world_size: All processes.
        """
        self._prompts_of = prompts_of
        self._pad_token_id = pad_token_id
        self._batch_size = rollout_batch_size
        self._coverage: Coverage = coverage
        self._seed = seed
        self._rank = rank
        self._world_size = world_size
        self._resume: dict[str, Any] | None = None
        self.epoch = epoch
        self.position = 0
        """Steps of this epoch that were handed out."""
        len(self)  # refuses what cannot be shared out, before a run starts

    @property
    def sampler(self) -> PromptLoader:
        """Where Lightning looks for `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Steps of the current epoch, those before a resumed position included."""
        return self._steps(len(self._prompts_of(self.epoch)))

    def _steps(self, num_problems: int) -> int:
        return steps_per_epoch(
            num_problems,
            rollout_batch_size=self._batch_size,
            coverage=self._coverage,
            world_size=self._world_size,
        )

    def __iter__(self) -> Iterator[PromptBatch]:
        """The epoch's batches from the start, or from the position of a loaded state."""
        self.position = self._resumed_position()
        epoch = self.epoch
        prompts = {prompt.problem.id: prompt for prompt in self._prompts_of(epoch)}
        order = hashed_order(list(prompts), self._seed, epoch)
        for step in range(self.position, self._steps(len(order))):
            ids = order[step * self._batch_size : (step + 1) * self._batch_size]
            share = [prompts[i] for i in ids[self._rank :: self._world_size]]
            self.position = step + 1
            yield collate(share, self._pad_token_id, epoch=epoch)

    def _resumed_position(self) -> int:
        state, self._resume = self._resume, None
        if state is None or state["epoch"] != self.epoch:
            return 0
        if state["position"] and state["fingerprint"] != self._fingerprint():
            raise ValueError(
                f"the checkpoint was saved {state['position']} steps into epoch {self.epoch} of "
                "other problems, another rollout_batch_size or another seed; resume with the "
                "configuration that saved it"
            )
        return int(state["position"])

    def _fingerprint(self) -> str:
        ids = sorted(prompt.problem.id for prompt in self._prompts_of(self.epoch))
        content = repr((self._seed, self._batch_size, self._coverage, ids))
        return hashlib.sha256(content.encode()).hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """Epoch and position, the same on every rank."""
        if self._resume is not None:
            return dict(self._resume)
        return {
            "epoch": self.epoch,
            "position": self.position,
            "fingerprint": self._fingerprint(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next iteration go on where the state was saved, if it is of the same epoch."""
        self._resume = dict(state_dict)


class BenchmarkLoader:
    """One benchmark's batches, each problem on exactly one rank, equally many batches on each."""

    def __init__(
        self,
        prompts: Sequence[Prompt],
        *,
        name: str,
        sampling: Sampling,
        grader: Reward,
        pad_token_id: int,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Make a loader.

        Args:
            prompts: The whole benchmark.
            name: Its name, stamped on every batch.
            sampling: How its responses are drawn, stamped on every batch.
            grader: Grades them, stamped on every batch.
            pad_token_id: Fills the left of shorter prompts.
            batch_size: Prompts of one batch on one rank, at most.
            rank: This process.
            world_size: All processes.

        Raises:
            ValueError: If some rank would have an empty batch.
        """
        largest_share = -(-len(prompts) // world_size)
        self._steps = -(-largest_share // batch_size)
        if len(prompts) // world_size < self._steps:
            raise ValueError(
                f"benchmark {name!r}: {len(prompts)} problems in batches of {batch_size} leave one "
                f"of {world_size} ranks without work; use fewer ranks or a larger eval_batch_size"
            )
        self._share = prompts[rank::world_size]
        self._name = name
        self._sampling = sampling
        self._grader = grader
        self._pad_token_id = pad_token_id

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[PromptBatch]:
        """Nearly equal batches in the benchmark's order."""
        for step in range(self._steps):
            start, stop = (len(self._share) * k // self._steps for k in (step, step + 1))
            yield collate(
                self._share[start:stop],
                self._pad_token_id,
                benchmark=self._name,
                sampling=self._sampling,
                grader=self._grader,
            )


class RecordedLoader:
    """A benchmark that an earlier run has measured: its graded responses as the only batch."""

    def __init__(self, graded: GradedResponses) -> None:
        self._graded = graded

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[GradedResponses]:
        """The one batch."""
        yield self._graded
