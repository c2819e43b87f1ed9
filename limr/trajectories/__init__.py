"""What each problem taught the policy, kept on disk."""

from limr.trajectories.store import (
    SCHEMA,
    SCHEMA_VERSION,
    TrajectoryRow,
    TrajectoryWriter,
    has_trajectories,
    read_trajectories,
)

__all__ = [
    "SCHEMA",
    "SCHEMA_VERSION",
    "TrajectoryRow",
    "TrajectoryWriter",
    "has_trajectories",
    "read_trajectories",
]
