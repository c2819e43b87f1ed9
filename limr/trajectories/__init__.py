"""What each problem taught the policy, kept on disk."""

from limr.trajectories.curves import RewardCurves, read_reward_curves
from limr.trajectories.store import (
    SCHEMA,
    SCHEMA_VERSION,
    StepFiles,
    TrajectoryRow,
    TrajectoryWriter,
    read_trajectories,
    recorded_run,
)

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "RewardCurves",
    "StepFiles",
    "TrajectoryRow",
    "TrajectoryWriter",
    "read_reward_curves",
    "read_trajectories",
    "recorded_run",
]
