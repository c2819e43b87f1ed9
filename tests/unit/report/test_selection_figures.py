import pytest

from limr.report.selection_figures import draw_selection

SCORES = {"score_histogram": {"edges": [0.0, 0.5, 1.0], "all": [3, 1], "chosen": [0, 1]}}
BAND = {"mean": [0.5, None], "q10": [0.1, None], "q90": [0.9, None]}
CURVES = {
    "epochs": [0, 1],
    "accuracy_curves": dict.fromkeys(("all", "chosen", "rejected"), BAND),
    "by_mean_accuracy": [{"name": "0.2-0.3", "problems": 4, "chosen": 1}],
    "two_runs": {"pairs": 100, "mean": 0.8, "low": 0.7, "high": 0.9},
    "early": [{"epochs": k, "rank_correlation": None, "overlap": 0.5} for k in (1, 2)],
    "methods": {"names": ["this selection", "slope"], "overlap": [[1.0, None], [None, None]]},
}


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (SCORES, ["scores"]),
        (SCORES | CURVES, ["scores", "curves", "by_mean_accuracy", "methods", "early"]),
        (SCORES | CURVES | {"epochs": [0]}, ["scores", "curves", "by_mean_accuracy", "methods"]),
    ],
)
def test_what_the_numbers_allow_is_drawn_twice(tmp_path, found, names):
    if found.get("epochs") == [0]:
        one = {key: values[:1] for key, values in BAND.items()}
        found = found | {"accuracy_curves": dict.fromkeys(("all", "chosen", "rejected"), one)}
    assert draw_selection(found, tmp_path) == names
    drawn = sorted(f"{name}.{suffix}" for name in names for suffix in ("png", "svg"))
    assert sorted(path.name for path in tmp_path.iterdir()) == drawn


def test_the_figures_say_what_they_show(tmp_path):
    draw_selection(SCORES | CURVES, tmp_path)
    texts = {path.stem: path.read_text() for path in tmp_path.glob("*.svg")}
    assert all(word in texts["curves"] for word in ("chosen", "rejected", "average", "epoch"))
    assert "overlap of two runs" in texts["early"]
    assert ">1.00<" in texts["methods"]
