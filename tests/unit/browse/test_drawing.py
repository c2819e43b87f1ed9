import numpy as np
import pytest

from limr.browse.drawing import Frame, histogram, stacked, ticks

NAN = np.nan


def test_a_frame_places_its_corners():
    frame = Frame(100, 50, (2, 6), (0, 10), left=10, right=20, top=5, bottom=15)
    assert [frame.x(v) for v in (2, 4, 6)] == [10, 45, 80]
    assert [frame.y(v) for v in (0, 5, 10)] == [35, 20, 5]


def test_a_range_of_one_value_lies_in_the_middle():
    assert Frame(100, 50, (3, 3)).x(3) == 50


@pytest.mark.parametrize(
    ("ys", "pieces", "points"),
    [
        ([0, 1, 0.5], ["0,10 5,0 10,5"], 3),
        ([0, NAN, 0.5], [], 2),
        ([0, 1, NAN], ["0,10 5,0"], 2),
        ([NAN, NAN, NAN], [], 0),
    ],
)
def test_a_line_is_broken_where_a_value_is_missing(ys, pieces, points):
    line = Frame(10, 10, (0, 2)).line([0, 1, 2], np.array(ys, float))
    assert [piece.replace(".0", "") for piece in line.pieces] == pieces
    assert len(line.points) == points


def test_points_know_their_place():
    line = Frame(10, 10, (0, 4)).line([0, 2, 4], np.array([NAN, 0.5, 1]))
    assert line.points == [(5.0, 5.0, 1), (10.0, 0.0, 2)]


def test_bars_stand_on_the_ground():
    bars = Frame(100, 10, (0, 1), (0, 4)).bars(np.array([0, 0.5, 1]), np.array([4, 1]))
    assert [bar[:4] for bar in bars] == [(0, 0, 49, 10), (50, 7.5, 49, 2.5)]
    assert [bar.value for bar in bars] == [4, 1]


def test_parts_fill_the_whole():
    bars = stacked([1, 0, 3], 200, 9)
    assert [(bar.x, bar.width) for bar in bars] == [(0, 50), (50, 0), (50, 150)]
    assert [bar.width for bar in stacked([0, 0], 200, 9)] == [0, 0]


def test_ticks_are_few_and_begin_with_the_first():
    assert ticks(range(5)) == [0, 1, 2, 3, 4]
    assert ticks(range(3, 24)) == [3, 6, 9, 12, 15, 18, 21]
    assert ticks([]) == []


def test_every_score_is_counted_once():
    scores = np.array([-7.3, -1, -0.31, 0.0, 0.6, 0.999, 1.0, NAN])
    edges, counts = histogram(scores)
    assert counts.sum() == 7
    assert (edges[0], edges[-1], len(edges)) == (-1, 1, 41)
    assert (counts[0], counts[-1]) == (2, 2)
    edges, counts = histogram(np.array([0.2, -0.1]))
    assert (edges[0], len(edges), counts.sum()) == (-0.5, 31, 2)
    edges, counts = histogram(np.array([NAN]))
    assert (edges[0], counts.sum()) == (0, 0)
