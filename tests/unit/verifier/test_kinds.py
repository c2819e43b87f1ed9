"""Pairs by kind of answer, each with near misses."""

import pytest

from limr.verifier import equivalent

SAME = {
    "times of day": [("3:05", "3:05 "), (r"8\!:\!34\text{ p.m.}", "8:34 PM"), ("7:15", "7:15 am")],
    "primes": [("x'+y'", "y'+x'"), (r"f^{\prime}(2)", "f'(2)"), ("y''=-y", "y''+y=0")],
    "units": [
        ("60 km/h", r"60\,\frac{\text{km}}{\text{h}}"),
        (r"9\text{ m/s}^2", r"9\ \mathrm{m\cdot s^{-2}}"),
        (r"12\text{ miles per hour}", "12 mph"),
        (r"\$0.75", r"0.75\text{ dollars}"),
        ("4 sq cm", r"4\text{ cm}^2"),
        (r"2\text{ million}", "2000000"),
        ("7weeks", "7"),
        (r"6\text{ ft }2\text{ in}", "6 feet, 2 inches"),
        (r"21^\circ\text{C}", "21"),
    ],
    "numbers": [
        (r"0.\dot{1}2\dot{3}", r"\frac{41}{333}"),
        ("0.1666...", r"\frac16"),
        ("1 250 000", "1250000"),
        ("21st", "21"),
        (r"{5 \over 8}", "5/8"),
        ("9C2", "36"),
        (r"2\operatorname{cis}60^\circ", r"1+\sqrt3 i"),
        (r"\lg 1000", "3"),
        ("2^3 5^2", "200"),
        (r"\gcd(a,b)", r"\gcd(b,a)"),
    ],
    "bases": [("(413)_5", "413_5"), (r"2a_{16}", "2A_{16}"), (r"7\text{ base }8", "7_8")],
    "labels": [
        ("a_{1}=3", "a_1=3"),
        ("m+n=17", "17"),
        (r"\text{Total: }12", "12"),
        ("(y,x)=(2,1)", "(1,2)"),
        ("y=2, x=1", "(1,2)"),
        ("x=1,y=2 or x=3,y=4", "(1,2),(3,4)"),
        ("x=y=2", "y=2, x=2"),
        ("P(3,-4)", "(3,-4)"),
        ("y^2=4x", "x=y^2/4"),
    ],
    "inequalities": [
        ("|x|<3", "(-3,3)"),
        ("|x-1|>=2", r"x\le -1 \text{ or } x\ge 3"),
        ("x^2-3x+2<0", "1<x<2"),
        ("-2x > 6", "x < -3"),
        ("0<|x|<1", r"(-1,0)\cup(0,1)"),
        (r"x\ne 0,1", r"\mathbb{R}-\{0,1\}"),
        (r"-2\le f(x)\le 2", "[-2,2]"),
        ("x<-1, x>5", r"(-\infty,-1)\cup(5,\infty)"),
    ],
    "print": [
        (r"\color{red}{\frac34}", "3/4"),
        (r"\mathbf{\frac34}", "3/4"),
        (r"\begin{aligned} x &= 1 \\ y &= 2 \end{aligned}", "x=1, y=2"),
        (r"\begin{pmatrix}\tfrac12\\\tfrac13\end{pmatrix}", "(1/2,1/3)"),
        (r"\frac12\begin{pmatrix}2&4\\6&8\end{pmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
        (r"(\pm 2,1)", "(2,1),(-2,1)"),
        (r"\text{The roots are } 1 \text{ and } 2", "1,2"),
        (r"[0,1) U (1,2]", r"[0,1)\cup(1,2]"),
    ],
    "words": [
        (r"\text{Ann and Bo}", r"\text{Bo, Ann}"),
        (r"\text{an ellipse}", "ellipse"),
        (r"\text{(B) }7", "B"),
        (r"\operatorname{Monday}", "Monday"),
        (r"2,4,\dots", r"2,4,\ldots"),
    ],
}
DIFFERENT = {
    "times of day": [("12:00", "1:00"), ("3:10 pm", "3:10 am"), ("2:05", "2:5"), ("4:0", "5:0")],
    "primes": [("f'(x)", "f(x)"), ("f'(x)", "f''(x)"), ("y''+y=0", "y''-y=0")],
    "units": [
        ("60 km/h", "60 mph"),
        ("60 km/h", "60 km"),
        ("10 Hz", "10 kHz"),
        (r"5\text{ boys}", r"5\text{ girls}"),
        (r"2\text{ million}", "2"),
        (r"5\text{ or more}", "5"),
        (r"5\text{ thirds}", "5"),
        (r"5\text{ times }2", "5"),
        (r"\$5", r"5\text{ cents}"),
        (r"\frac{\pi}{4}", r"\frac{\pi}{4}^\circ"),
        (r"45^\circ", r"45\text{ radians}"),
        (r"2\pmod 5", r"2\pmod 7"),
        (r"n\equiv 2\pmod 5", r"n\equiv 2\pmod 7"),
        ("3:1", r"3\text{ cm}"),
    ],
    "numbers": [("1 23", "123"), ("11 6/6", "11"), ("1, 2, 3", "1, 2, 3, ..."), ("0.16...", "1/6")],
    "letters": [("R-r", "r-R"), (r"N^n", "n^N"), (r"\Delta", r"\delta"), ("xX", "xx")],
    "labels": [
        ("(a,b)=(2,3)", "(b,a)=(2,3)"),
        ("(1,2,3)", "x=1,z=2,y=3"),
        ("x=y=z", "x=z"),
        (r"\angle A=60^\circ", r"\angle B=60^\circ"),
        ("y^2=5", "5"),
        ("2x=10", "10"),
        ("x+y=5", "5"),
    ],
    "alternatives": [
        ("x<-1 or x>5", "x<-1 and x>5"),
        ("(3,4)", "x=3 or y=4"),
        ("(1,3)", "x=1 or x=3"),
        ("a>0, b>0", "a>0 or b>0"),
        (r"x\in(1,3)", "x=1,3"),
        (r"A\setminus B", r"B\setminus A"),
    ],
    "inequalities": [
        ("|x|<3", "[-3,3]"),
        ("|x|>3", "x>3"),
        ("x^2-3x+2<0", r"1\le x\le 2"),
        ("-2x > 6", "x > -3"),
        ("x^2<4", r"x^2\le 4"),
        (r"\lceil x\rceil", r"\lfloor x\rfloor+1"),
        (r"\vec{a}\times\vec{b}", r"\vec{b}\times\vec{a}"),
    ],
}


@pytest.mark.parametrize(("a", "b"), [pair for pairs in SAME.values() for pair in pairs])
def test_same_kind_same_value(a, b):
    assert equivalent(a, b)
    assert equivalent(b, a)


@pytest.mark.parametrize(("a", "b"), [pair for pairs in DIFFERENT.values() for pair in pairs])
def test_near_misses(a, b):
    assert not equivalent(a, b)
    assert not equivalent(b, a)
