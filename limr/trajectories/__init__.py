"""What each problem taught the policy, kept on disk."""

from limr.trajectories.store import (
    SCHEMA,
    SCHEMA_VERSION,
    TrajectoryRow,
    TrajectoryWriter,
    read_trajectories,
    recorded_run,
)

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "TrajectoryRow",
    "TrajectoryWriter",
    "read_trajectories",
    "recorded_run",
]
