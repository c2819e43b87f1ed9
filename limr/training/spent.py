"""What a policy has cost so far: on these counts runs of different lengths compare."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from limr.types import Rollout

_log = logging.getLogger("lightning.pytorch.utilities.rank_zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Counts over all ranks since the run began, of which a checkpoint keeps a copy."""

    steps: int = 0
    """Training steps (rollout batches): the step under which loggers get the rest."""
    optimizer_steps: int = 0
    prompts: int = 0
    """Prompts rolled out; one that comes again counts again."""
    responses: int = 0
    tokens: int = 0
    """The responses' tokens."""
    problems: int | None = None
    """Training problems; None where the data module does not tell."""

    def after(
        self, rollout: Rollout, trainer: Trainer, reduce: Callable[[Tensor], Tensor]
    ) -> "Spent":
        """The counts after a training step that is at its end.

        Args:
            rollout: This rank's part of the step.
            trainer: Whose step it is.
            reduce: Sums a small tensor over the ranks.
        """
        graded = rollout.graded
        responses = len(graded.responses)
        here = [responses // graded.samples_per_prompt, responses, sum(graded.lengths)]
        prompts, responses, tokens = reduce(
            torch.tensor(here, dtype=torch.int64, device=rollout.scores.device)
        ).tolist()
        problems = getattr(getattr(trainer, "datamodule", None), "problems", None)
        return Spent(
            steps=trainer.fit_loop.epoch_loop.total_batch_idx + 1,
            optimizer_steps=trainer.global_step,
            prompts=self.prompts + prompts,
            responses=self.responses + responses,
            tokens=self.tokens + tokens,
            problems=None if problems is None else len(problems),
        )

    def metrics(self) -> dict[str, float]:
        """The counts by their logged names."""
        counts: dict[str, float] = {
            "progress/optimizer_steps": self.optimizer_steps,
            "progress/responses": self.responses,
            "progress/tokens": self.tokens,
        }
        if self.problems or not self.prompts:
            counts["progress/visits"] = self.prompts / (self.problems or 1)
        return counts

    @staticmethod
    def saved_in(checkpoint: Mapping[str, Any]) -> "Spent":
        """What a checkpoint keeps as `spent`."""
        if "spent" not in checkpoint:
            _log.warning("the checkpoint does not tell what it has cost: progress/* counts from 0")
        return Spent(**checkpoint.get("spent", {}))


def exact(metrics: Mapping[str, float]) -> dict[str, Tensor]:
    """For `LightningModule.log_dict`, which would round numbers to float32 (tokens: millions)."""
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in metrics.items()}
