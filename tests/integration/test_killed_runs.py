"""Real kills of a small quickstart, resumed; `make kills` does many more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kills import MARKS, table, write_table

ROOT = Path(__file__).parents[2]

CAMPAIGN = """
import json, sys
from pathlib import Path
from benchmarks.kills import campaign
folder, ranks, runs = sys.argv[1:]
found = campaign(Path(folder) / ranks, ranks=int(ranks), runs=int(runs), seed=2)
Path(folder, "found.json").write_text(json.dumps(found))
"""
"""In a process of its own, as it forks."""


@pytest.mark.integration
@pytest.mark.parametrize(
    ("ranks", "runs"), [(1, 2), pytest.param(2, 3, marks=pytest.mark.slow)], ids=["one", "two"]
)
def test_killed_runs_end_as_the_whole_run(tmp_path, ranks, runs):
    subprocess.run(
        [sys.executable, "-c", CAMPAIGN, str(tmp_path), str(ranks), str(runs)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=600,
    )
    found = json.loads((tmp_path / "found.json").read_text())
    assert [len(run["kills"]) >= 1 for run in found["runs"]] == [True] * runs
    assert [run["differs"] for run in found["runs"]] == [[]] * runs
    assert found["once"]
    assert found["rows"] == 2 * 32 * 4  # epochs, problems, samples


def test_the_table_counts_kills_and_runs(tmp_path):
    runs = [
        {"kills": ["rollout", "update"], "differs": []},
        {"kills": ["rollout"], "differs": ["metrics"]},
    ]
    text = table([{"ranks": 1, "runs": runs}])
    page = tmp_path / "page.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    write_table(text, page)
    lines = page.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert "old" not in lines
    for line in (
        "| killed in | 1 process |",
        "| rollout | 2 |",
        "| update | 1 |",
        "| scoring | 0 |",
        "| **kills** | **3** |",
        "| runs with identical metrics | 1 of 2 |",
        "| runs with identical weights and optimizer state | 2 of 2 |",
    ):
        assert line in lines


def test_a_page_without_a_place_for_the_table_is_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("no marks\n")
    with pytest.raises(ValueError, match="lacks the lines <!-- kills: begin"):
        write_table("table", page)
    assert page.read_text() == "no marks\n"
