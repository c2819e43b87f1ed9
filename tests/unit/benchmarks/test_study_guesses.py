import numpy as np
import pytest

from benchmarks.study.guesses import COLUMNS, OF_A_RUN, guess_rows, with_guesses
from benchmarks.study.plan import Cell
from limr.trajectories import RewardCurves

CELL = Cell(base="b", ablation="none", arm="full", seed=3)


def curves(*rows):
    accuracy = np.array(rows, dtype=np.float64)
    return RewardCurves(
        problem_ids=np.array([f"p{place:02d}" for place in range(len(rows))]),
        epochs=np.arange(accuracy.shape[1]),
        accuracy=accuracy,
        score=np.full_like(accuracy, np.nan),
        samples=np.full(accuracy.shape, 8, dtype=np.int32),
    )


def test_guesses_stand_behind_the_problems_and_are_right_half_the_time():
    both, ids = with_guesses(curves([0, 1, 1], [0, 0, 0]), 4000, np.random.default_rng(0))
    assert both.problem_ids[:2].tolist() == ["p00", "p01"]
    assert both.problem_ids[2:].tolist() == ids.tolist()
    assert both.accuracy[:2].tolist() == [[0, 1, 1], [0, 0, 0]]
    guessed = both.accuracy[2:]
    assert guessed.mean(axis=0) == pytest.approx([0.5] * 3, abs=0.02)
    assert guessed.var() == pytest.approx(0.25 / 8, rel=0.1)
    assert np.corrcoef(guessed.T) == pytest.approx(np.eye(3), abs=0.06)


def test_what_rises_is_told_from_guesses_by_its_slope_alone():
    rising = curves(*[[0.0, 0.5, 1.0]] * 16, *[[0.0] * 3] * 16, *[[1.0] * 3] * 16)
    rows = guess_rows(CELL, rising, OF_A_RUN, top_k=16, counts=(0, 48))
    assert tuple(rows[0]) == COLUMNS
    picked = {(row["arm"], row["guesses"]): row["picked"] for row in rows}
    assert [picked[arm, 0] for arm in OF_A_RUN] == [0] * 5
    assert picked["slope", 48] == picked["linear", 48] == 0
    assert picked["variance", 48] == 16  # .5 in every epoch is more variance than 0, .5, 1
    assert rows == guess_rows(CELL, rising, OF_A_RUN, top_k=16, counts=(0, 48))
