from limr.report.selection_text import enough_epochs, markdown, summary

SCORES_ONLY = {
    "source": "scores.json",
    "method": "scores from a file",
    "rule": "score >= 0.6",
    "notes": ["1 selected problem is odd"],
    "problems": 4,
    "scored": 3,
    "chosen": 1,
    "share": 0.25,
    "lowest_chosen_score": 0.6,
    "highest_rejected_score": None,
    "composition": {"family": [{"name": "a|b", "problems": 4, "chosen": 1, "share": 0.25}]},
}
EARLY = [(1, None), (2, 0.9), (3, 0.7), (4, 0.85), (5, 1.0)]
CURVES = {
    "epochs": [0, 1, 2, 3, 4],
    "responses": 160,
    "mean_accuracy": {"all": 0.5, "chosen": 0.25, "rejected": None},
    "by_mean_accuracy": [{"name": "0.2-0.3", "problems": 4, "chosen": 1, "share": 0.25}],
    "two_runs": {"pairs": 100, "mean": 0.8, "low": 0.7, "high": 0.9},
    "early": [{"epochs": k, "rank_correlation": 0.5, "overlap": v} for k, v in EARLY],
    "methods": {
        "names": ["this selection", "slope"],
        "rank_correlation": [1.0, None],
        "overlap": [[1.0, None], [None, None]],
    },
}


def test_early_is_early_enough_only_from_where_it_stays_so():
    assert enough_epochs(CURVES) == 4
    assert enough_epochs({**CURVES, "early": CURVES["early"][:3]}) is None


def test_the_summary_of_scores_alone():
    assert summary(SCORES_ONLY, "out.jsonl").splitlines() == [
        "selected 1 of 4 problems (25.0%) by scores from a file, score >= 0.6: out.jsonl",
        "no score: 1 problems",
        "1 selected problem is odd",
    ]


def test_the_summary_of_curves():
    lines = summary(SCORES_ONLY | CURVES, "out.jsonl").splitlines()
    assert lines[2:5] == [
        "mean accuracy: 0.250 of the chosen, 0.500 of all",
        "two runs would share 80.0% of the selection (95 %: 70.0% to 90.0%), by the luck of "
        "sampling alone",
        "as near to this selection as two runs are: from 4 of 5 epochs on",
    ]


def test_the_report_shows_what_there_is():
    text = markdown(SCORES_ONLY, ["scores"])
    assert "| chosen | **1** (25.0%) |" in text
    assert "| highest score rejected | - |" in text
    assert "| a\\|b | 4 | 1 | 25.0% |" in text
    assert "## Stability" not in text
    assert text.count("![") == 1


def test_the_report_of_curves():
    text = markdown(SCORES_ONLY | CURVES, ["scores", "curves", "early", "methods"])
    assert "From 4 epochs on" in text
    assert "| 1 | 0.500 | - |" in text
    assert "| this selection | 1.000 | 1.000 | - |" in text
    assert "(early.svg)" in text


def test_one_epoch_has_no_early_selections():
    one = {"epochs": [0], "early": CURVES["early"][-1:]}
    text = markdown(SCORES_ONLY | CURVES | one, ["scores", "curves", "methods"])
    assert "80.0% of their selections" in text
    assert "first epochs" not in text


def test_of_many_names_the_largest_are_shown():
    rows = [{"name": f"n{i}", "problems": i, "chosen": 0, "share": 0.0} for i in range(1, 41)]
    text = markdown({**SCORES_ONLY, "composition": {"level": rows}}, ["scores"])
    assert "| n10 |" not in text
    assert "| n11 |" in text
    assert "And 10 smaller ones" in text
