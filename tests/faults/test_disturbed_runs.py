"""Another run in the folder, a clock that jumps, a verifier's worker that is killed."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from functools import partial

import pytest
from fault_runs import STEPS, Run, appears, before_step, fit, pause, refusal

from benchmarks.kills import outcome
from limr.verifier import pool
from limr.verifier.worker import Worker

pytestmark = pytest.mark.integration


def test_a_second_run_in_the_folder_is_refused_while_validation_is_not(folder, undisturbed):
    args = fit(folder)
    first = Run(folder, args, partial(pause, 3))
    appears(folder / "paused-3")
    assert "run is in use by another run (host " in refusal(Run(folder, args))
    last = ["--ckpt_path=last", "--trainer.logger=false"]
    status, printed = Run(folder, ["validate", *args[1:], *last]).wait()
    assert status == 0, printed
    (folder / "go-on-3").touch()
    status, printed = first.wait()
    assert status == 0, printed
    (measured,) = (folder / "run/responses").glob("validate-validation-step000002-*.parquet")
    measured.unlink()
    assert outcome(folder) == undisturbed


def jumping_clock(jumps: dict[int, float]) -> None:
    """Set `time.time` by so many hours as these steps begin."""
    clock, hours = time.time, [0.0]
    time.time = lambda: clock() + 3600 * sum(hours)
    for step, jump in jumps.items():
        before_step(step, partial(hours.append, jump))


def test_a_clock_that_is_set_back_and_forth_changes_nothing(folder, undisturbed):
    fault = partial(jumping_clock, {2: -7.0, 4: 30.0, 5: -1.0})
    status, printed = Run(folder, fit(folder), fault).wait()
    assert status == 0, printed
    assert outcome(folder) == undisturbed
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        span = "select max(timestamp) - min(timestamp) from metrics"
        assert database.execute(span).fetchone()[0] > 29 * 3600 * 1000  # it did jump
        durations = "key like 'time/%' and key not like '%per_s'"
        query = f"select min(value), max(value) from metrics where {durations}"
        shortest, longest = database.execute(query).fetchone()
    assert 0 <= shortest <= longest < 3600


def killed_workers(answers: set[int]) -> None:
    """Have all answers graded by workers, which are killed when they get one of these."""
    pool.quick_equivalent = lambda *answer: None
    got, hand_over = [], Worker._hand_over

    def hand_over_and_kill(worker: Worker) -> None:
        got.append(worker.job)
        if len(got) in answers:
            os.kill(worker.pid, signal.SIGKILL)
        hand_over(worker)

    Worker._hand_over = hand_over_and_kill


def test_an_answer_whose_worker_is_killed_is_graded_all_the_same(folder, undisturbed):
    status, printed = Run(folder, fit(folder), partial(killed_workers, {1, 40, 90})).wait()
    assert status == 0, printed
    assert outcome(folder) == undisturbed
    assert undisturbed["row_count"] == STEPS * 8 * 4  # prompts, samples
