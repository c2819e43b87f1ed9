"""What each problem taught the policy, kept on disk."""

from limr.trajectories.curves import RewardCurves, read_reward_curves
from limr.trajectories.problems import problems_file, write_problems
from limr.trajectories.schema import SCHEMA, SCHEMA_VERSION
from limr.trajectories.store import (
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
    "problems_file",
    "read_reward_curves",
    "read_trajectories",
    "recorded_run",
    "write_problems",
]
