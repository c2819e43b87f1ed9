"""What happens when a loss or a gradient is not finite: the run stops, or the update is skipped."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Trainer
from torch import Tensor

OnNonfinite = Literal["stop", "skip"]

MAX_SKIPS = 10
"""Updates skipped one after the other before a run stops all the same."""

_WATCHED = ("loss", "grad_norm")
"""Last parts of the names of the metrics that must be finite; a ratio may overflow harmlessly."""


class NonfiniteGuard:
    """Decides, on all ranks alike, whether an optimizer step may be taken.

    An update that may not is saved: each rank writes its rows of the minibatch, with what is needed
    to find them again, into `nonfinite` in the trainer's `default_root_dir`, for
    `torch.load(path, weights_only=True)`.
    """

    def __init__(self, policy: OnNonfinite) -> None:
        """Set up.

        Args:
            policy: `stop` raises; `skip` goes on, until `MAX_SKIPS` updates were skipped in a row.
        """
        self.policy = policy
        self._skips_in_a_row = 0
        self._update = 0
        self._step = 0
        self._batch: Any = None

    def begin(self, step: int, batch: Any) -> None:
        """Note where the run is: the training step, and the batch whose `problems` it is about."""
        self._step, self._batch, self._update = step, batch, 0

    def allows(self, metrics: Mapping[str, Tensor], minibatch: Any, trainer: Trainer) -> bool:
        """Whether the losses and gradient norms are finite on every rank.

        Args:
            metrics: Scalars by name, of which those ending in `loss` and `grad_norm` are looked at;
                the same names on every rank.
            minibatch: A dataclass with the tensors that led there.
            trainer: Whose folder, ranks and strategy they are.

        Raises:
            ValueError: If they are not and the policy is to stop, or too many were skipped.
        """
        self._update += 1
        names = [name for name in metrics if name.endswith(_WATCHED)]
        broken = torch.stack([~torch.isfinite(metrics[name]).all() for name in names])
        counts = trainer.strategy.reduce(broken.float(), reduce_op="sum").tolist()
        bad = [name for name, count in zip(names, counts, strict=True) if count]
        if not bad:
            self._skips_in_a_row = 0
            return True
        self._skips_in_a_row += 1
        saved = self._save(metrics, minibatch, trainer)
        skip = self.policy == "skip"
        if skip and self._skips_in_a_row < MAX_SKIPS:
            return False
        again = f" for the {MAX_SKIPS}th time in a row" if skip else ""
        raise ValueError(
            f"step {self._step}, update {self._update}: {' and '.join(bad)} not finite{again}; "
            f"the batch {saved}. Lower the learning rate or max_grad_norm, or go on from an "
            "earlier checkpoint" + ("" if skip else "; on_nonfinite: skip leaves out such updates")
        )

    def _save(self, metrics: Mapping[str, Tensor], minibatch: Any, trainer: Trainer) -> str:
        """Write this rank's rows; what became of them, for the message."""
        folder = Path(trainer.default_root_dir) / "nonfinite"
        rank = trainer.global_rank
        path = folder / f"step-{self._step:08d}-update-{self._update:03d}-rank-{rank:05d}.pt"
        values = ((f.name, getattr(minibatch, f.name)) for f in fields(minibatch))
        tensors = {name: x.detach().cpu() for name, x in values if isinstance(x, Tensor)}
        content = {
            "step": self._step,
            "update": self._update,
            "rank": rank,
            "metrics": {name: x.detach().cpu() for name, x in metrics.items()},
            "problem_ids": problem_ids(self._batch, tensors),
            "tensors": tensors,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(content, path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            return f"could not be saved to {path} ({error})"
        return f"is in {path}"


def problem_ids(batch: Any, tensors: Mapping[str, Tensor]) -> list[str | None]:
    """The problem of each row, told by its prompt's tokens; [] for batches without problems.

    None for a row of an earlier batch (dynamic sampling gathers several). Of two problems with one
    prompt the last is named.
    """
    if not hasattr(batch, "problems"):
        return []
    prompts = _unpadded(batch.prompt_ids, batch.prompt_mask)
    known = dict(zip(prompts, (problem.id for problem in batch.problems), strict=True))
    return [known.get(key) for key in _unpadded(tensors["prompt_ids"], tensors["prompt_mask"])]


def _unpadded(ids: Tensor, mask: Tensor) -> list[tuple[int, ...]]:
    return [tuple(row[kept].tolist()) for row, kept in zip(ids.cpu(), mask.cpu(), strict=True)]
