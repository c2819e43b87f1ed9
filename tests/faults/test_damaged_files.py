"""Files damaged behind a run's back: the message names the file and what to do."""

import pytest

from limr.trajectories import TrajectoryRow, TrajectoryWriter, read_trajectories, recorded_run

pytestmark = pytest.mark.integration


def test_a_truncated_trajectory_file_is_named_to_reader_and_resuming_run(tmp_path):
    row = TrajectoryRow(
        problem_id="a",
        sample=0,
        score=1.0,
        status="correct",
        response_length=3,
        truncated=False,
        policy_version=0,
        answer="1",
        response="1",
    )
    writer = TrajectoryWriter(tmp_path, "run")
    path = writer.append([row], epoch=0, step=0, rank=0)
    writer.append([row], epoch=0, step=1, rank=0)
    with open(path, "r+b") as file:  # noqa: PTH123
        file.truncate(100)
    for read in (read_trajectories, recorded_run):
        with pytest.raises(ValueError, match=rf"{path} is damaged .*; remove it to read the rest"):
            read(tmp_path)
