import pyarrow

from benchmarks.study.mixed import COLUMNS, mixed_rows
from benchmarks.study.plan import Cell

CELL = Cell(base="b", ablation="none", arm="lim", seed=3)


def test_prompts_of_both_outcomes_are_counted_by_blocks_of_steps():
    samples = [
        (0, "a", "correct"), (0, "a", "wrong"), (0, "b", "wrong"), (0, "b", "malformed"),
        (1, "a", "correct"), (1, "a", "correct"), (1, "b", "malformed"), (1, "b", "correct"),
        (2, "a", "timeout"), (2, "a", "correct"),
    ]  # fmt: skip
    table = pyarrow.table(
        dict(zip(("step", "problem_id", "status"), zip(*samples, strict=True), strict=True))
    )
    first, second = mixed_rows(CELL, table, block=2)
    assert tuple(first) == COLUMNS
    assert tuple(first.values()) == ("b", "none", "lim", 3, 1, 2, 4, 2)
    assert tuple(second.values())[4:] == (3, 3, 1, 1)
