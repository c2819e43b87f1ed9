import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limr.verifier import equivalent

SAME = [
    ("1000000", "1,000,000"),
    ("100,200", "200, 100"),
    (r"50\%", "0.5"),
    ("50", r"50\%"),
    (r"5\text{ cm}", "5"),
    ("10m", "10"),
    (r"\frac{5\pi}{6}", r"150^\circ"),
    (r"30^\circ", "30"),
    ("x=5", "5"),
    ("5", "2+3=5"),
    (r"\sqrt{2}", r"x = \sqrt{2} \approx 1.414"),
    ("y=2x+3", "2x-y+3=0"),
    ("2x+y=4", "4x+2y=8"),
    ("f(x)=2x+1", "y=2x+1"),
    ("x+1", "X+1"),
    (r"x\ge 3", r"3\le x"),
    ("3<x<5", "5>x>3"),
    ("(3,5)", "3<x<5"),
    (r"(-\infty,2)\cup(2,\infty)", r"x\neq 2"),
    (r"(-\infty,-2] \cup \{1\}", r"a \leqslant -2 \text{ or } a = 1"),
    (r"(0,1]\cup(1,2)", "(0,2)"),
    (r"\mathbb{R}", r"(-\infty,\infty)"),
    (r"\{x \mid x<3\}", r"(-\infty,3)"),
    (r"(-\infty,3) \setminus \{1\}", r"(-\infty,1)\cup(1,3)"),
    (r"[k\pi, k\pi+1) \cup \{0\}", r"\{0\}\cup[k\pi,1+k\pi)"),
    (r"\{1,2\}", r"\{2,1,1\}"),
    (r"\{1,2,3\}", "3,2,1"),
    (r"1\pm\sqrt5", r"1-\sqrt5, 1+\sqrt5"),
    ("x=1,y=2", "(1,2)"),
    ("x=1,y=2", "y=2,x=1"),
    ("(1,2),(3,4)", "(3,4),(1,2)"),
    (r"6, 8\text{, and }10", "10, 8, 6"),
    (r"\emptyset", r"\text{no solution}"),
    (r"\begin{pmatrix}1/2\\-3\end{pmatrix}", r"\begin{bmatrix}0.5\\-3\end{bmatrix}"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)"),
    ("5:8", r"\frac58"),
    ("2:4:6", "1:2:3"),
    ("1011_2", r"1011_{\text{two}}"),
    ("204_5", "204"),
    (r"\text{(C)}", "c"),
    (r"\text{C}", r"\text{(C) } 5"),
    (r"\text{even}", "Even."),
    (r"\text{Option A}", "A"),
    (r"x<-1 \cup x>3", r"(-\infty,-1)\cup(3,\infty)"),
    (r"x \in (0,1) \cup (2,3)", r"(2,3)\cup(0,1)"),
    (r"5\ (\text{mod } 7)", "5"),
    (r"\text{A, C}", "C, A"),
    (r"\log_{10} 2", r"\log 2"),
    ("12345678901234567890123", "12345678901234567890123.0"),
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
    (r"(4,\infty)\setminus\{6\}", r"(4,6)\cup(6,\infty)"),
    ("(3,8)", "y=8, x=3"),
    (r"\text{Ann and Ben}", r"\text{Ben, Ann}"),
    (r"\text{(B), (D)}", r"\text{(D) and (B)}"),
    (r"x=2 \text{ and } x=7", r"x=2 \text{ or } x=7"),
    (r"\mathbb{R}-\{5\}", r"x \neq 5"),
    (r"4, 9, \ldots", "4, 9, ..."),
    ("(p,q)=(4,7)", "(q,p)=(7,4)"),
    ("(p,q)=(4,7)", "q=7, p=4"),
    ("u_n=3n", "u_{n} = 3n"),
    ("y^2=6x", r"x=\frac{y^2}{6}"),
    ("y''=-9y", "y''+9y=0"),
    (r"\angle B = 40^\circ", r"40^\circ"),
    (r"S=\frac{3\cdot4}{2}=6", "6"),
    (r"x \in \{2,9\}", "x=2,9"),
    ("|x|<4", "(-4,4)"),
    (r"|x-3| \le 2", "[1,5]"),
    ("|2x+1|>5", r"(-\infty,-3)\cup(2,\infty)"),
    ("x^2<9", "-3<x<3"),
    (r"x^2 \ge 2", r"x \le -\sqrt2 \text{ or } x \ge \sqrt2"),
    ("3-2x<7", "x>-2"),
    ("0<2x<8", "(0,4)"),
]
DIFFERENT = [
    ("3", "3.0000001"),
    (r"\frac13", "0.333"),
    (r"\sqrt2", "1.4142"),
    ("12345678901234567890", "12345678901234567891"),
    ("50", "0.5"),
    (r"12\text{ ft}^2", r"12\text{ ft}^3"),
    (r"100\text{ cm}", r"100\text{ m}"),
    (r"12\text{ gm}", r"12\text{ degrees}"),
    (r"32\%", r"32\text{ cm}^2"),
    ("A, C", r"(-\infty,\infty)"),
    ("x", r"\infty"),
    ("x=5", "y=5"),
    ("x=5", "x=x"),
    ("5", "5=6"),
    ("5", "5=2+4"),
    ("5", r"5 \neq 5"),
    ("5!", "5"),
    ("(1,2]", "[1,2)"),
    ("(1,2)", "(2,1)"),
    ("(4,1)", "(5,1)"),
    ("x>3", "y>3"),
    ("x>3", r"x\ge 3"),
    (r"(-\infty,2)\cup(3,\infty)", r"(-\infty,2)\cup[3,\infty)"),
    ("1,2,3", "123"),
    ("1,2", "1,2,2"),
    (r"\{1,2\}", "(1,2)"),
    (r"\pm 3", "3"),
    ("5", "5, 6"),
    ("5", r"(-\infty,\infty)"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
    ("3:2", "2:3"),
    ("204_5", "205_5"),
    ("101_2", "101_3"),
    (r"\text{even}", r"\text{neve}"),
    (r"\text{B}", "A, B"),
    (r"\text{True}", "1"),
    ("5", r"\text{nan}"),
    ("5", "9^{9^{9^{9}}}"),
    ("5", "__import__('os')"),
    ("", ""),
    ("5", ""),
    ("5", "$$"),
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
    (r"A\setminus B", r"B\setminus A"),
    ("(3,8)", r"3 \text{ or } 8"),
    (r"x>2 \text{ and } x<7", r"x>2 \text{ or } x<7"),
    (r"x=2 \text{ and } y=7", r"x=2 \text{ or } y=7"),
    ("4, 9", "4, 9, ..."),
    (r"\text{Ann and Ben}", r"\text{Ann}"),
    (r"\begin{pmatrix}3\\8\end{pmatrix}", r"3 \text{ or } 8"),
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


def test_nested_lists_cost_little():
    def nested(depth, k):
        return (
            str(k)
            if depth == 0
            else rf"\{{{nested(depth - 1, 2 * k)},{nested(depth - 1, 2 * k + 1)}\}}"
        )

    assert not equivalent(nested(7, 1), nested(7, 3))


def test_works_off_the_main_thread():
    results = []

    def work():
        results.extend(equivalent(a, b) for a, b in SAME)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4 * len(SAME)


INTEGERS = st.integers(-(10**12), 10**12)
CHARACTERS = "0 1 2 7 . , ; : + - * / ^ _ ( ) [ ] { } | ! = < > x y n i e f ( a$ and or"
COMMANDS = (
    r"\frac \sqrt \pi \pm \{ \} \cup \le \text{ \infty \in \\ & \% ^\circ \approx \log_ \sin "
    r"\begin{pmatrix} \end{pmatrix} \sum_{k=1}^{3} \overline{"
)
UNICODE = ["\u221a", "\u2212", "\u00b2", "\u00bd", "\u00e9", "\x00"]
PIECES = st.sampled_from([*CHARACTERS.split(), *COMMANDS.split(), "\\", " ", *UNICODE])
SOUP = st.lists(PIECES, max_size=12).map("".join)


@given(SOUP, SOUP)
@settings(max_examples=250, deadline=None)
def test_never_raises_and_is_symmetric(a, b):
    assert equivalent(a, b) is equivalent(b, a)


@pytest.mark.parametrize(
    "text", [r"7\pm 1=0", r"\pm 1:2", r"\overline", r"1\bar\le", r"\log_7e71", r"\frac1e2"]
)
def test_odd_pieces_are_text(text):
    assert not equivalent(text, "5")
    assert equivalent(text + " ", text)


@given(SOUP)
@settings(max_examples=100, deadline=None)
def test_reflexive(text):
    assert equivalent(text, text) is bool(text.strip())


@given(INTEGERS, st.integers(1, 10**6), st.integers(1, 999))
@settings(deadline=None)
def test_fractions_equal_all_their_spellings(top, bottom, factor):
    sign = "-" if top < 0 else ""
    frac = rf"{sign}\frac{{{abs(top)}}}{{{bottom}}}"
    assert equivalent(frac, f"{top * factor}/{bottom * factor}")
    assert equivalent(frac, rf"\dfrac{{{top * factor}}}{{{bottom * factor}}}")
    assert not equivalent(frac, rf"\frac{{{top * factor + 1}}}{{{bottom * factor}}}")


@given(INTEGERS)
@settings(deadline=None)
def test_integers_equal_their_spellings_and_nothing_near(value):
    assert equivalent(f"{value:,}", str(value))
    assert equivalent(f"${value}.0$.", str(value))
    assert equivalent(rf"x = {value}", str(value))
    assert not equivalent(str(value + 1), str(value))
    assert not equivalent(f"{value}.0001", str(value))


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=6), st.randoms())
@settings(deadline=None)
def test_lists_are_unordered_and_tuples_ordered(values, rng):
    mixed = values.copy()
    rng.shuffle(mixed)
    assert equivalent(", ".join(map(str, mixed)), ", ".join(map(str, values)))
    tuples = [f"({', '.join(map(str, v))})" for v in (mixed, values)]
    assert equivalent(*tuples) is (mixed == values)


@given(
    st.integers(1, 50), st.integers(2, 50), st.sampled_from([" ", "  ", r"\ ", r"\;", r"\quad "])
)
@settings(deadline=None)
def test_invariant_to_spacing(a, b, space):
    spaced = rf"{a}{space}\sqrt{space}{{{b}}}{space}+{space}1".replace(rf"\sqrt{space}", r"\sqrt")
    assert equivalent(spaced, rf"{a}\sqrt{{{b}}}+1")
    square = math.isqrt(b) ** 2 == b
    assert equivalent(spaced, str(a * math.isqrt(b) + 1)) is square
