"""What a rollout says about the run; every name is defined in docs/metrics.md."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import torch
from torch import Tensor

from limr.rl import moments
from limr.types import Rollout, Status
from limr.verifier import MALFORMED


def rollout_metrics(
    rollout: Rollout, reduce: Callable[[Tensor], Tensor] | None = None
) -> dict[str, float]:
    """Rewards and lengths of one rollout batch, by their logged names.

    Args:
        rollout: This rank's; every rank has equally many rows.
        reduce: Sums a small tensor over the ranks, for what is not a mean over rows.

    Returns:
        Numbers whose mean over the ranks is that of the whole step.
    """
    graded = rollout.graded
    count = len(graded.verdicts)
    everyone = torch.ones_like(rollout.scores, dtype=torch.bool)
    _, score_variance = moments(rollout.scores, everyone, reduce)
    statuses = Counter(verdict.status for verdict in graded.verdicts)
    reasons = Counter(v.reason for v in graded.verdicts if v.status == "malformed")
    return {
        "reward/score_mean": rollout.scores.mean().item(),
        "reward/score_std": score_variance.sqrt().item(),
        # every name on every rank and step, also where the share is 0: ranks log the same names
        **{f"reward/{status}": statuses[status] / count for status in get_args(Status)},
        **{f"reward/malformed_{reason}": reasons[reason] / count for reason in MALFORMED},
        "reward/truncated": sum(graded.truncated) / count,
        "response/length": sum(graded.lengths) / count,
    }


def speed_metrics(seconds: dict[str, float], rollout: Rollout, ranks: int) -> dict[str, float]:
    """Seconds per phase, and all ranks' response tokens per second of the whole step."""
    metrics = {f"time/{phase}_s": duration for phase, duration in seconds.items()}
    metrics["time/tokens_per_s"] = ranks * sum(rollout.graded.lengths) / sum(seconds.values())
    return metrics


def update_metrics(steps: Sequence[Mapping[str, Tensor] | None]) -> dict[str, Tensor]:
    """Mean metrics of the optimizer steps that were taken, and how many were skipped (None)."""
    taken = [metrics for metrics in steps if metrics is not None]
    names = taken[0] if taken else ()
    means = {name: torch.stack([metrics[name] for metrics in taken]).mean() for name in names}
    return means | {"guard/skipped_updates": torch.tensor(float(len(steps) - len(taken)))}
