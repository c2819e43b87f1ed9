import pytest

from limr.verifier import equivalent

SAME = [
    ("Px+Qy", "Qy+Px"),
    (r"\frac{mgh}{T}", "mgh/T"),
    (r"7\text{ m/s}^2", r"7\ \frac{\text{m}}{\text{s}^2}"),
    (r"72\text{ mph}", r"72\text{ miles per hour}"),
    (r"4\text{ million}", "4000000"),
    (r"\$12.50", "12.50"),
    ("9th", r"9^{\text{th}}"),
    ("7:05", r"7:05\text{ p.m.}"),
    (r"4\operatorname{cis}60^\circ", r"2+2\sqrt3 i"),
    (r"\gcd(m,n)", r"\gcd(n,m)"),
    (r"0.\dot{4}\dot{5}", r"\frac{5}{11}"),
    ("0.777...", r"\frac79"),
    (r"\lg 7", r"\log_{10} 7"),
    ("3 000", "3000"),
    (r"8\pmod{9}", "8"),
    ("4:9", r"4\text{ to }9"),
    (r"\triangle PQR", r"\triangle PQR"),
    ("0.101_2", "0.101"),
]
DIFFERENT = [
    ("12:00", "1:00"),
    ("7:05", "7:50"),
    (r"7:05\text{ a.m.}", r"7:05\text{ p.m.}"),
    ("3:0", "8:0"),
    (r"8\pmod{9}", r"8\pmod{7}"),
    (r"4\text{ million}", "4"),
    (r"6\text{ or more}", "6"),
    (r"6\text{ is wrong}", "6"),
    (r"7\text{ km/h}", r"7\text{ km}"),
    (r"\$12", r"12\text{ cents}"),
    (r"3\%\text{ increase}", r"3\%\text{ decrease}"),
    ("odd", "ddo"),
    (r"4\text{ R }3", "3 R 4"),
    (r"\vec a\times\vec b", r"\vec b\times\vec a"),
    (r"\lceil x\rceil", r"\lfloor x\rfloor+1"),
    ("12", "12 4/4"),
    (r"n\text{ is odd}", "n"),
    (r"x\text{-axis}", "x"),
    (r"\text{(B) and (D)}", r"\text{(B)}"),
    (r"\frac{\pi}{6}", r"\frac{\pi}{6}^\circ"),
    ("R-r", "r-R"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_same(a, b):
    assert equivalent(a, b)
    assert equivalent(b, a)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different(a, b):
    assert not equivalent(a, b)
    assert not equivalent(b, a)
