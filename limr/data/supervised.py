"""Worked solutions, direct answers and unboxed answers, in stages, for a tiny base model."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from limr.data.sources import ProblemSource
from limr.types import Problem

IGNORED = -100
"""The label of tokens that are not learned (prompt and padding)."""

_POOL_BATCHES = 8


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stretch of supervised training: how answers are written, and how fast it learns."""

    name: str
    steps: int
    batch_size: int
    learning_rate: float
    """Peak, after ``warmup_steps`` of linear rise; then a half cosine down to a twentieth."""
    warmup_steps: int = 20
    worked: float
    """Share of answers written as worked steps ending in a box."""
    direct: float
    """Share of answers that are nothing but a box."""
    unboxed: float
    """Share without a box: half worked steps, half the bare answer."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "warmup_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"stage {self.name}: {name} must be >= 1")
        shares = (self.worked, self.direct, self.unboxed)
        if min(shares) < 0 or not math.isclose(sum(shares), 1.0):
            raise ValueError(
                f"stage {self.name}: worked, direct and unboxed must be >= 0 and sum to 1, "
                f"got {shares}"
            )

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of the stage's step ``step``, counted from 0.

        >>> stage = Stage(name="a", steps=20, batch_size=1, learning_rate=1.0, warmup_steps=10,
        ...               worked=1, direct=0, unboxed=0)
        >>> stage.learning_rate_at(4), round(stage.learning_rate_at(20), 2)
        (0.5, 0.05)
        """
        rise = min(1.0, (step + 1) / self.warmup_steps)
        fall = 0.05 + 0.95 * (1 + math.cos(math.pi * step / self.steps)) / 2
        return self.learning_rate * (rise if rise < 1 else fall)


@dataclass(frozen=True, kw_only=True)
class SupervisedBatch:
    """Prompts with their answers, and the learning rate to take them with."""

    input_ids: Tensor
    """(B, L) int64, right-padded."""
    labels: Tensor
    """(B, L) int64, the answer's tokens in place, ``IGNORED`` elsewhere."""
    learning_rate: float
    step: int
    """The batch's place in its stage, from 0; at 0 the optimizers start afresh."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> SupervisedBatch:
        """The batch on another device; Lightning calls it."""
        ids = self.input_ids.to(device, non_blocking=non_blocking)
        labels = self.labels.to(device, non_blocking=non_blocking)
        return replace(self, input_ids=ids, labels=labels)


class WorkedSolutionsDataModule(LightningDataModule):
    """Answers to problems in the stages' styles; the trainer's one epoch is all stages in a row.

    Args:
        problems: Where the problems come from; those without a solution are answered
            directly.
        stages: In order.
        seed: Decides which problems and styles are drawn.
    """

    def __init__(self, problems: ProblemSource, stages: list[Stage], seed: int = 0) -> None:
        super().__init__()
        if not stages:
            raise ValueError("stages: at least one is needed")
        self.problems = problems
        self.stages = stages
        self.seed = seed

    def train_dataloader(self) -> SupervisedBatches:
        """Every batch of every stage, in order."""
        assert self.trainer is not None, "the trainer asks for batches"
        module: Any = self.trainer.lightning_module
        return SupervisedBatches(self.problems.load(), self.stages, self.seed, module.tokenizer)


class SupervisedBatches:
    """A re-iterable, sized sequence of batches; each iteration starts again from the seed."""

    def __init__(
        self,
        problems: Sequence[Problem],
        stages: Sequence[Stage],
        seed: int,
        tokenizer: PreTrainedTokenizerBase,
    ) -> None:
        self.problems = problems
        self.stages = stages
        self.seed = seed
        self.tokenizer = tokenizer
        self._prompts = [_prompt_ids(tokenizer, problem.prompt) for problem in problems]

    def __len__(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def __iter__(self) -> Iterator[SupervisedBatch]:
        for stage in self.stages:
            rng = random.Random(f"limr/supervised/{self.seed}/{stage.name}")
            batches = self._batches(stage, rng)
            for step in range(stage.steps):
                input_ids, labels = _pad(next(batches), int(self.tokenizer.pad_token_id))
                rate = stage.learning_rate_at(step)
                yield SupervisedBatch(
                    input_ids=input_ids, labels=labels, learning_rate=rate, step=step
                )

    def _batches(self, stage: Stage, rng: random.Random) -> Iterator[list[tuple[list[int], int]]]:
        """Endless batches of (ids, prompt length), of like length each to save padding."""
        while True:
            rows = [self._row(stage, rng) for _ in range(_POOL_BATCHES * stage.batch_size)]
            rows.sort(key=lambda row: len(row[0]))
            starts = list(range(0, len(rows), stage.batch_size))
            rng.shuffle(starts)
            for start in starts:
                yield rows[start : start + stage.batch_size]

    def _row(self, stage: Stage, rng: random.Random) -> tuple[list[int], int]:
        index = rng.randrange(len(self.problems))
        prompt = self._prompts[index]
        answer = self.tokenizer.encode(
            draw_answer(self.problems[index], stage, rng), add_special_tokens=False
        )
        return [*prompt, *answer, int(self.tokenizer.eos_token_id)], len(prompt)


def draw_answer(problem: Problem, stage: Stage, rng: random.Random) -> str:
    """One answer to the problem in one of the stage's styles."""
    shares = (stage.worked, stage.direct, stage.unboxed)
    style = rng.choices(("worked", "direct", "unboxed"), shares)[0]
    if style == "worked" and problem.solution:
        return problem.solution
    if style == "unboxed":
        steps = problem.solution.rpartition("\\boxed")[0]
        return steps if steps and rng.random() < 0.5 else problem.answer
    return f"\\boxed{{{problem.answer}}}"


def _prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    messages = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(tokenizer.encode(text, add_special_tokens=False))


def _pad(rows: Sequence[tuple[list[int], int]], pad_id: int) -> tuple[Tensor, Tensor]:
    width = max(len(ids) for ids, _ in rows)
    input_ids = torch.full((len(rows), width), pad_id)
    labels = torch.full((len(rows), width), IGNORED)
    for row, (ids, prompt_length) in enumerate(rows):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        labels[row, prompt_length : len(ids)] = torch.tensor(ids[prompt_length:])
    return input_ids, labels
