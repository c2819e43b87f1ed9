import pytest
from comparison_toys import toy_run, write_trajectories

from limr.report.comparison import compare
from limr.report.comparison_figures import draw_comparison
from limr.report.runs import Found

ALL = ["accuracy", "accuracy_by_arm", "accuracy_by_benchmark", "length", "reward", "problems"]


def test_everything_is_drawn_twice_and_says_what_it_shows(comparison, tmp_path):
    figures, notes = draw_comparison(comparison, tmp_path)
    assert notes == []
    assert [figure.name for figure in figures] == ALL
    files = sorted(f"{name}.{suffix}" for name in ALL for suffix in ("png", "svg"))
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    texts = {figure.name: (tmp_path / f"{figure.name}.svg").read_text() for figure in figures}
    assert all(f"> {arm}<" in texts["accuracy"] for arm in ("full", "lim"))
    assert ">easy<" in texts["accuracy_by_benchmark"]
    assert "> hard<" in texts["accuracy_by_arm"]
    assert ">average<" in texts["problems"]
    assert "of the first" not in figures[1].text


def test_what_runs_do_not_tell_is_not_drawn_but_told(tmp_path):
    runs = [toy_run("full", {"easy": {0: [0.0, 1.0]}})]
    comparison = compare(Found(runs, []), baseline="full", match="steps")
    figures, notes = draw_comparison(comparison, tmp_path)
    assert [figure.name for figure in figures] == ALL[:4]
    assert [note.split(":")[0] for note in notes] == [
        "no figure of the training reward",
        "no figure of single problems",
    ]


@pytest.mark.parametrize("name", ["$x^$", "_hidden", "<b>&", "\\frac{"])
def test_any_arm_can_be_drawn(tmp_path, name):
    runs = [toy_run(arm, {"easy": {0: [0.0], 2: [1.0]}}) for arm in ("full", name)]
    comparison = compare(Found(runs, []), baseline="full", match="steps")
    draw_comparison(comparison, tmp_path)
    shown = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert f"> {shown}<" in (tmp_path / "accuracy.svg").read_text()


def test_many_arms_and_benchmarks_have_room(tmp_path):
    shares = {f"b{i}": {0: [0.0], 2: [1.0]} for i in range(3)}
    runs = [toy_run(f"arm {i}", shares, seed=str(i)) for i in range(20)]
    comparison = compare(Found(runs, []), baseline="arm 0", match="steps")
    figures, _notes = draw_comparison(comparison, tmp_path)
    assert "one panel for each arm of the first 4 arms" in figures[1].text


def test_one_epoch_of_trajectories_is_not_enough(tmp_path):
    write_trajectories(tmp_path / "store", "run", 2)
    run = toy_run("full", {"easy": {0: [0.0]}}, trajectories=str(tmp_path / "store"))
    comparison = compare(Found([run], []), baseline="full", match="steps")
    _figures, notes = draw_comparison(comparison, tmp_path / "report")
    assert notes[-1].endswith("no run's trajectories of at least two epochs are at hand")
