"""What a rollout says about the run; every name is defined in docs/metrics.md."""

from collections import Counter
from typing import get_args

from limr.types import Rollout, Status
from limr.verifier import MALFORMED


def rollout_metrics(rollout: Rollout) -> dict[str, float]:
    """Rewards and lengths of one rollout batch, by their logged names."""
    graded = rollout.graded
    count = len(graded.verdicts)
    statuses = Counter(verdict.status for verdict in graded.verdicts)
    reasons = Counter(v.reason for v in graded.verdicts if v.status == "malformed")
    return {
        "reward/score_mean": rollout.scores.mean().item(),
        "reward/score_std": rollout.scores.std(correction=0).item(),
        # every name on every rank and step, also where the share is 0: ranks log the same names
        **{f"reward/{status}": statuses[status] / count for status in get_args(Status)},
        **{f"reward/malformed_{reason}": reasons[reason] / count for reason in MALFORMED},
        "reward/truncated": sum(graded.truncated) / count,
        "response/length": sum(graded.lengths) / count,
    }


def speed_metrics(seconds: dict[str, float], rollout: Rollout) -> dict[str, float]:
    """Seconds per phase, and response tokens per second of the whole step."""
    metrics = {f"time/{phase}_s": duration for phase, duration in seconds.items()}
    metrics["time/tokens_per_s"] = sum(rollout.graded.lengths) / sum(seconds.values())
    return metrics
