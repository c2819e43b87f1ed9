import pytest

from limr.verifier.inequalities import Bound, Joined, NotSolvedError, solve
from limr.verifier.numbers import NoValueError
from limr.verifier.numeric import real_value
from limr.verifier.parser import parse_formula


def solved(left, sign, right):
    """The solution as nested tuples of a sign and a float."""

    def plain(part):
        if isinstance(part, Bound):
            return part.sign, round(float(real_value(part.limit)), 6)
        assert isinstance(part, Joined)
        return part.sign, *map(plain, part.parts)

    return plain(solve(parse_formula(left), sign, parse_formula(right), "x"))


@pytest.mark.parametrize(
    ("left", "sign", "right", "expected"),
    [
        ("x", "<", "3", ("<", 3)),
        ("3", "<", "x", (">", 3)),
        ("2x+1", r"\le", "7", (r"\le", 3)),
        ("-x", "<", "3", (">", -3)),
        (r"\frac{x}{-2}", ">", "4", ("<", -8)),
        ("3x", "<", "x+8", ("<", 4)),
        ("|x-1|", "<", "2", ("all", ("<", 3), (">", -1))),
        ("|x|", r"\ge", "2", ("any", (r"\ge", 2), (r"\le", -2))),
        ("x^2", "<", "2", ("all", ("<", 1.414214), (">", -1.414214))),
        ("x^2-5x+6", ">", "0", ("any", (">", 3), ("<", 2))),
        ("6x-x^2", ">", "5", ("all", ("<", 5), (">", 1))),
    ],
)
def test_solves(left, sign, right, expected):
    assert solved(left, sign, right) == expected


@pytest.mark.parametrize(
    ("left", "sign", "right"),
    [
        ("x^3-x", "<", "0"),
        ("x^2", "<", "-1"),
        ("|x|", ">", "-1"),
        ("x-x", "<", "1"),
        ("2^x", "<", "8"),
    ],
)
def test_leaves_other_forms(left, sign, right):
    with pytest.raises((NotSolvedError, NoValueError)):
        solved(left, sign, right)
