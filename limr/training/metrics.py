"""What a rollout says about the run; every name is defined in docs/metrics.md."""

from collections import Counter

from limr.types import Rollout


def rollout_metrics(rollout: Rollout) -> dict[str, float]:
    """Rewards and lengths of one rollout batch, by their logged names."""
    graded = rollout.graded
    count = len(graded.verdicts)
    status = Counter(verdict.status for verdict in graded.verdicts)
    failed = status["error"] + status["timeout"] + status["gold_unparsable"]
    return {
        "reward/score_mean": rollout.scores.mean().item(),
        "reward/score_std": rollout.scores.std(correction=0).item(),
        "reward/correct": status["correct"] / count,
        "reward/wrong": status["wrong"] / count,
        "reward/malformed": status["malformed"] / count,
        "reward/error": failed / count,
        "reward/truncated": sum(graded.truncated) / count,
        "response/length": sum(graded.lengths) / count,
    }


def speed_metrics(seconds: dict[str, float], rollout: Rollout) -> dict[str, float]:
    """Seconds per phase, and response tokens per second of the whole step."""
    metrics = {f"time/{phase}_s": duration for phase, duration in seconds.items()}
    metrics["time/tokens_per_s"] = sum(rollout.graded.lengths) / sum(seconds.values())
    return metrics
