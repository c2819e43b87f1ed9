"""Rows of the CSV files, from rows of reports and selections."""

import pytest

from benchmarks.study.collecting import picked_rows, run_rows, selection_cost
from benchmarks.study.plan import Cell

FULL, LIM = (Cell(base="b", ablation="none", arm=arm, seed=1) for arm in ("full", "lim"))


def report_row(cell, step):
    return {
        "run": cell.name, "run_id": "0", "arm": cell.arm, "seed": "1", "status": "FINISHED",
        "benchmark": "test", "step": str(step), "optimizer_steps": str(2 * step),
        "responses": str(256 * step), "tokens": str(3000 * step), "visits": "", "questions": "9",
        "accuracy": "0.5", "response_length": "3", "compared": "0",
    }  # fmt: skip


def test_a_run_in_two_reports_counts_once():
    reports = [[report_row(FULL, 0), report_row(FULL, 8)], [report_row(FULL, 8)]]
    rows = run_rows(reports, {FULL.name: FULL}, lambda cell: (5.0, 6.0))
    assert [row["step"] for row in rows] == [0, 8]
    assert (rows[1]["responses"], rows[1]["visits"], rows[1]["selection_tokens"]) == (2048, "", 6)
    assert (rows[1]["base"], rows[1]["seed"]) == ("b", 1)
    with pytest.raises(ValueError, match="none of this plan's"):
        run_rows(reports, {}, lambda cell: (0.0, 0.0))


def test_a_selection_costs_the_epochs_of_full_that_it_reads():
    runs = [report_row(FULL, step) for step in (0, 24, 48, 72)]

    def cost(arm):
        return selection_cost(
            Cell(base="b", ablation="none", arm=arm, seed=1), runs, (99.0, 500.0), 3
        )

    assert cost("lim") == cost("variance") == (256 * 72, 3000 * 72)
    assert cost("lim-1-epoch") == (256 * 24, 3000 * 24)
    assert cost("pass_rate") == (99.0, 500.0)
    assert cost("random") == cost("online") == cost("full") == (0.0, 0.0)
    with pytest.raises(ValueError, match="not measured at step 24"):
        selection_cost(
            Cell(base="b", ablation="none", arm="lim-1-epoch", seed=1), runs[2:], (0, 0), 3
        )


def test_picked_problems_are_counted_by_family_and_level():
    rows = [
        {"id": str(place), "family": "chain", "level": level}
        for place, level in enumerate(("middle", "middle", "mislabelled"))
    ]
    assert [
        (row["level"], row["problems"], row["picked"], row["also_lim"])
        for row in picked_rows(LIM, rows, rows[1:], rows[:2])
    ] == [("middle", 2, 1, 1), ("mislabelled", 1, 1, 0)]
