import pytest

from limr.verifier import equivalent

SAME = [
    (r"(4,\infty)\setminus\{6\}", r"(4,6)\cup(6,\infty)"),
    ("(3,8)", "y=8, x=3"),
    (r"\text{Ann and Ben}", r"\text{Ben, Ann}"),
    (r"\text{(B), (D)}", r"\text{(D) and (B)}"),
    (r"x=2 \text{ and } x=7", r"x=2 \text{ or } x=7"),
    (r"\mathbb{R}-\{5\}", r"x \neq 5"),
    (r"4, 9, \ldots", "4, 9, ..."),
]
DIFFERENT = [
    (r"A\setminus B", r"B\setminus A"),
    ("(3,8)", r"3 \text{ or } 8"),
    (r"x>2 \text{ and } x<7", r"x>2 \text{ or } x<7"),
    (r"x=2 \text{ and } y=7", r"x=2 \text{ or } y=7"),
    ("4, 9", "4, 9, ..."),
    (r"\text{Ann and Ben}", r"\text{Ann}"),
    (r"\begin{pmatrix}3\\8\end{pmatrix}", r"3 \text{ or } 8"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same(a, b):
    assert equivalent(a, b)
    assert equivalent(b, a)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different(a, b):
    assert not equivalent(a, b)
    assert not equivalent(b, a)
