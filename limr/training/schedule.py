"""Learning-rate schedules as a factor on the peak rate."""

import math
from typing import Any, Literal

from limr.training.ppo_config import PPOConfig


def lr_factor(
    step: int,
    *,
    warmup_steps: int,
    total_steps: int | None,
    schedule: Literal["constant", "linear", "cosine"],
    min_ratio: float,
) -> float:
    """The share of the peak learning rate at optimizer step `step` (from 0).

    Linear warm-up reaches 1 at step `warmup_steps - 1`; `linear` and `cosine` then fall to
    `min_ratio` at `total_steps` and stay there.

    Raises:
        ValueError: If a decaying schedule has no known end.

    Example:
        >>> [lr_factor(s, warmup_steps=2, total_steps=6, schedule="linear", min_ratio=0.0)
        ...  for s in range(7)]
        [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule == "constant":
        return 1.0
    if total_steps is None:
        raise ValueError(
            f"ppo.lr_schedule: {schedule} needs to know where the run ends; set trainer.max_epochs"
        )
    progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
    fall = 1 - progress if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * progress))
    return min_ratio + (1 - min_ratio) * fall


def planned_steps(*, rollouts: int | None, updates_per_rollout: int, max_steps: int) -> int:
    """Optimizer steps of a run that ends by epochs, by optimizer steps, or by whichever is first.

    Args:
        rollouts: Training batches of all epochs, None where that is not known beforehand.
        updates_per_rollout: Optimizer steps on each of them.
        max_steps: The trainer's, in optimizer steps; negative is no limit.

    Raises:
        ValueError: If neither limit is known.

    Example:
        >>> planned_steps(rollouts=36, updates_per_rollout=2, max_steps=-1)
        72
    """
    by_epochs = [] if rollouts is None else [rollouts * updates_per_rollout]
    limits = [*by_epochs, *[max_steps] * (max_steps >= 0)]
    if not limits:
        raise ValueError(
            "a learning rate that decays needs to know where the run ends, but resampling by "
            "threshold decides as it goes how long epochs are; set trainer.max_steps, or "
            "resampling's top_k or fraction in place of threshold"
        )
    return min(limits)


def steps_of_run(trainer: Any, ppo: PPOConfig, samples_per_prompt: int) -> int | None:
    """Optimizer steps until the trainer stops, None when it has no end.

    Raises:
        ValueError: If that cannot be known.
    """
    if getattr(trainer, "datamodule", None) is None:
        raise ValueError(f"ppo.lr_schedule: {ppo.lr_schedule} needs a MathDataModule")
    if math.isinf(trainer.estimated_stepping_batches):  # this also counts the epoch's batches
        return None
    responses = trainer.datamodule.rollout_batch_size * samples_per_prompt
    return planned_steps(
        rollouts=trainer.datamodule.planned_rollouts(),
        updates_per_rollout=ppo.ppo_epochs * -(-responses // ppo.minibatch_size),
        max_steps=trainer.max_steps,
    )
