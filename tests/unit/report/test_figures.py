import matplotlib as mpl

from limr.report.figures import drawn


def draw(path):
    with drawn(path, columns=2, sharey=True) as (left, right):
        left.plot([0, 1], [0, 5])
        right.plot([0, 1], [0, 2])
    return left, right


def test_figures_are_the_same_bytes_each_time(tmp_path):
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        draw(tmp_path / "new" / name)
    for suffix in ("svg", "png"):
        one, two = ((tmp_path / "new" / f"{name}.{suffix}").read_bytes() for name in "ab")
        assert one == two


def test_the_style_is_for_the_figure_alone(tmp_path):
    before = dict(mpl.rcParams)
    left, right = draw(tmp_path / "a.svg")
    assert dict(mpl.rcParams) == before
    assert left.get_ylim() == right.get_ylim()
    assert not left.spines["top"].get_visible()
