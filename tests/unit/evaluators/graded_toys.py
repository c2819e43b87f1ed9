"""Graded responses made by hand, and a module that returns them from validation."""

from collections.abc import Sequence

import torch
from lightning.pytorch import LightningModule
from torch.utils.data import DataLoader

from limr.types import GradedResponses, Problem, Status, Verdict


def graded(
    statuses: Sequence[Status],
    *,
    ids: Sequence[str] | None = None,
    lengths: Sequence[int] | None = None,
    truncated: Sequence[bool] | None = None,
    families: Sequence[str] | None = None,
    levels: Sequence[str] | None = None,
    samples_per_prompt: int = 1,
    benchmark: str = "easy",
) -> GradedResponses:
    n = len(statuses)
    ids = ids or [f"p{i // samples_per_prompt}" for i in range(n)]
    families, levels = families or [""] * n, levels or [""] * n
    return GradedResponses(
        problems=tuple(
            Problem(id=ids[i], prompt="1 + 1?", answer="2", family=families[i], level=levels[i])
            for i in range(n)
        ),
        responses=tuple("\\boxed{2}" if s == "correct" else "\\boxed{é}" for s in statuses),
        verdicts=tuple(
            Verdict(status=s, score=1.0 if s == "correct" else -0.5, answer="2") for s in statuses
        ),
        lengths=tuple(lengths or [4] * n),
        truncated=tuple(truncated or [False] * n),
        samples_per_prompt=samples_per_prompt,
        benchmark=benchmark,
    )


class GradedModule(LightningModule):
    """Trains one weight; its n-th full validation returns the n-th script, the last one for ever.

    A script is a list of benchmarks, a benchmark a list of batches.
    """

    def __init__(self, scripts: Sequence[Sequence[Sequence[GradedResponses]]]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.scripts = scripts
        self.validations = 0

    def training_step(self, batch, batch_idx):
        return self.weight**2

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        script = self.scripts[min(self.validations, len(self.scripts) - 1)]
        return script[dataloader_idx][batch_idx]

    def on_validation_end(self):
        self.validations += 1

    def configure_optimizers(self):
        return torch.optim.SGD([self.weight], lr=0.1)

    def train_dataloader(self):
        return DataLoader(range(2), batch_size=None)

    def val_dataloader(self):
        return [DataLoader(range(len(batches)), batch_size=None) for batches in self.scripts[0]]
