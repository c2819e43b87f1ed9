"""How much a run's rollouts could teach: the prompts whose samples did not all fare alike."""

from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from benchmarks.study.plan import KEY, Cell

COLUMNS = (*KEY, "first_step", "last_step", "prompts", "mixed")


def mixed_rows(cell: Cell, trajectories: pyarrow.Table, block: int) -> list[dict[str, Any]]:
    """For every `block` steps of a run: its prompts, and how many were neither all solved nor none.

    Args:
        cell: The run.
        trajectories: Its columns step (counted from 0), problem_id and status.
        block: Steps of a row; the last row may have fewer.
    """
    solved = pyarrow.compute.equal(trajectories.column("status"), "correct")
    table = trajectories.append_column("solved", solved.cast(pyarrow.float64()))
    prompts = table.group_by(["step", "problem_id"]).aggregate([("solved", "mean")])
    steps = prompts.column("step").to_numpy()
    shares = prompts.column("solved_mean").to_numpy()
    key = {name: getattr(cell, name) for name in KEY}
    rows = []
    for start in range(0, int(steps.max()) + 1, block):
        here = shares[(steps >= start) & (steps < start + block)]
        mixed = int(np.count_nonzero((here > 0) & (here < 1)))
        last = min(start + block, int(steps.max()) + 1)
        rows.append(
            key | {"first_step": start + 1, "last_step": last, "prompts": len(here), "mixed": mixed}
        )
    return rows
