import pytest

from limr.verifier import equivalent

SAME = [
    ("|x|<4", "(-4,4)"),
    (r"|x-3| \le 2", "[1,5]"),
    ("|2x+1|>5", r"(-\infty,-3)\cup(2,\infty)"),
    ("x^2<9", "-3<x<3"),
    (r"x^2 \ge 2", r"x \le -\sqrt2 \text{ or } x \ge \sqrt2"),
    ("3-2x<7", "x>-2"),
    ("0<2x<8", "(0,4)"),
]
DIFFERENT = [
    ("|x|<4", "[-4,4]"),
    ("|x|<4", "x<4"),
    (r"|x-3| \le 2", "[1,6]"),
    ("x^2>9", "-3<x<3"),
    ("3-2x<7", "x<-2"),
    ("0<2x<8", "(0,8)"),
    ("|x|=5", "5"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same(a, b):
    assert equivalent(a, b)
    assert equivalent(b, a)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different(a, b):
    assert not equivalent(a, b)
    assert not equivalent(b, a)
