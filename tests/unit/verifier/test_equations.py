import pytest

from limr.verifier import equivalent

SAME = [
    ("(p,q)=(4,7)", "(q,p)=(7,4)"),
    ("(p,q)=(4,7)", "q=7, p=4"),
    ("u_n=3n", "u_{n} = 3n"),
    ("y^2=6x", r"x=\frac{y^2}{6}"),
    ("y''=-9y", "y''+9y=0"),
    (r"\angle B = 40^\circ", r"40^\circ"),
    (r"S=\frac{3\cdot4}{2}=6", "6"),
    (r"x \in \{2,9\}", "x=2,9"),
]
DIFFERENT = [
    ("(p,q)=(4,7)", "(q,p)=(4,7)"),
    ("(4,7)", "q=4, p=7"),
    ("u=v=w", "u=w"),
    ("u=v=w=2", "u=v=2"),
    ("y'=3y", "y=3y"),
    ("g'(x)", "g(x)"),
    ("y''+y=0", "y'+y=0"),
    (r"\angle B = 40^\circ", r"\angle C = 40^\circ"),
    ("AB=8", "CD=8"),
    (r"x \in (2,9)", "x=2,9"),
    (r"n \equiv 3 \pmod{7}", r"n \equiv 3 \pmod{9}"),
    ("f(x)=x'", "f(x)=x"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same(a, b):
    assert equivalent(a, b)
    assert equivalent(b, a)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different(a, b):
    assert not equivalent(a, b)
    assert not equivalent(b, a)
