import time

import pytest

from limr.verifier import equivalent
from limr.verifier.normalize import normalize
from limr.verifier.units import canonical_unit, split_unit, units_conflict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u22125", "-5"),
        ("\uff15", "5"),
        ("\u200b5\ufeff", "5"),
        ("x\u00b2\u2083", "x^{2}_3"),
        ("\u221a12", r"\sqrt{12}"),
        ("3\u00bd", r"3\frac{1}{2}"),
        ("2\u03c0", r"2\pi"),
        ("$10$", "10"),
        (r"\$18.90", r"18.90\text{ dollars}"),
        ("**10**", "10"),
        (r"\(10\)", "10"),
        ("{{10}}", "10"),
        (r"\left(1,\; 2\right]", "(1, 2]"),
        (r"\dfrac12", r"\frac12"),
        ("10.", "10"),
        ("5,", "5"),
        (r"33,\!800,\!000", "33800000"),
        (r"1\,000\,000", "1000000"),
        ("99{,}997", "99997"),
        ("(1,234)", "(1,234)"),
        (r"30^{\circ}", r"30\degree"),
        (r"12\text{ degrees}", r"12\degree"),
        (r"17\text{ percent}", r"17\percent"),
        (r"\text{10}", "10"),
        (r"\mathbf{2340}", "2340"),
        (r"\text{Tuesday}", r"\text{Tuesday}"),
        (r"\text{The answer is } 4", "4"),
        (r"{10 \choose 3}", r"\binom{10}{3}"),
        (r"17 \pmod{23}", r"17 \text{ mod 23}"),
        ("3 1/2", r"3\frac{1}{2}"),
        (r"0.\bar{3}", r"0.\overline{3}"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("   ", ""),
    ],
)
def test_one_spelling(text, expected):
    assert normalize(text) == expected
    assert normalize(expected) == expected


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        (r"864 \text{inches}^2", "864", "in^2"),
        (r"32\text{ square cm}", "32", "cm^2"),
        ("64 square feet", "64", "ft^2"),
        ("15 Day", "15", "day"),
        ("60 mph", "60", "h^-1 mi"),
        ("2x", "2x", ""),
        ("10ab", "10ab", ""),
        (r"2\sin x", r"2\sin x", ""),
    ],
)
def test_units(text, value, unit):
    assert split_unit(text) == (value, unit)


def test_unit_conflicts():
    assert canonical_unit("Cubic Metres") == "m^3"
    assert units_conflict("ft^2", "ft^3")
    assert units_conflict("min", "h")
    assert not units_conflict("cm", "")
    assert not units_conflict("unit", "cm")
    assert units_conflict("meal", "apple")
    assert units_conflict("min", "h^-1 min")
    assert not units_conflict("ball red", "ball")
    assert not units_conflict("celsius", "degree")


PIECES = (
    r"\text{ \text{a} {a\over { 12 1C 1/ A \text{base} ' ^ _{a} \$1 \left. \color{a} \mathbf{ "
    r"\pmod{1} 1:1 1^o \begin{cases} m+n 10a+ <= \dots U) is and or x=1or |x|< \pm1, 1st "
    r"\% m/s per \operatorname{a} \choose ½ ² ~"
)


@pytest.mark.parametrize("piece", PIECES.split())
def test_repeated_pieces_take_less_than_the_time_of_an_answer(piece):
    start = time.monotonic()
    for space in ("", " "):
        equivalent((piece + space) * (1_900 // len(piece + space)), "5")
    assert time.monotonic() - start < 2
