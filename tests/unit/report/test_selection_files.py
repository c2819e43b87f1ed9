import json

import numpy as np

from limr.report.selection import Selection, describe_scores
from limr.report.selection_files import metrics, write_report

SELECTION = Selection(
    problem_ids=np.array(["a", "b", "é"]),
    scores=np.array([0.1, np.nan, 0.7]),
    chosen=np.array([False, False, True]),
    groups={},
)
FOUND = {"source": "s", "method": "m", "rule": "r", "notes": []} | describe_scores(SELECTION)
CURVES = {
    "epochs": [0, 1],
    "mean_accuracy": {"all": 0.5, "rejected": None},
    "two_runs": {"mean": 0.8},
    "methods": {"names": ["this selection", "slope"], "overlap": [[1.0, 0.25], [0.25, 1.0]]},
    "early": [
        {"epochs": 1, "rank_correlation": 0.5, "overlap": None},
        {"epochs": 2, "rank_correlation": 1.0, "overlap": 1.0},
    ],
}


def test_the_report_is_written(tmp_path):
    files = write_report(FOUND, SELECTION, tmp_path)
    assert sorted(files) == sorted(tmp_path.iterdir())
    assert json.loads((tmp_path / "report.json").read_text()) == FOUND
    assert (tmp_path / "ids.txt").read_text(encoding="utf-8") == "é\n"
    assert "(scores.svg)" in (tmp_path / "report.md").read_text()
    rows = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert rows == [
        {"id": "a", "score": 0.1, "chosen": False},
        {"id": "b", "score": None, "chosen": False},
        {"id": "é", "score": 0.7, "chosen": True},
    ]


def test_metrics_have_the_epochs_used_as_steps():
    found = {(name, step): value for name, value, step in metrics(FOUND | CURVES)}
    assert found[("select/chosen", 0)] == 1
    assert found[("select/two_runs/mean", 0)] == 0.8
    assert found[("select/overlap/slope", 0)] == 0.25
    assert found[("select/early/rank_correlation", 1)] == 0.5
    assert found[("select/early/overlap", 2)] == 1.0
    assert ("select/early/overlap", 1) not in found
    assert ("select/mean_accuracy/rejected", 0) not in found
