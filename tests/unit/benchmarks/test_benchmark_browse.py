import json
from pathlib import Path

from benchmarks.browse import PAGES, markdown, run

ROOT = Path(__file__).parents[3]


def test_a_small_run_measures_every_page():
    found = run(30)
    assert found["rows"] == 30 * 168
    assert {*found["seconds"]} == {*PAGES}
    assert all(value >= 0 for value in found["seconds"].values())
    assert 0.05 < found["peak_gb"] < 2


def test_the_documented_speed_is_the_measured_one():
    results = (ROOT / "benchmarks/results/browse.json").read_text(encoding="utf-8")
    text = (ROOT / "docs/browse.md").read_text(encoding="utf-8")
    begin, end = "<!-- benchmarks/results/browse.json -->\n", "<!-- end -->"
    assert text.partition(begin)[2].partition(end)[0] == markdown(json.loads(results))
