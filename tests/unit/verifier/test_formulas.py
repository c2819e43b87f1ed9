"""The parser and the arithmetic, against hand-computed values and sympy."""

import random
from fractions import Fraction

import pytest
import sympy

from limr.verifier.nodes import num
from limr.verifier.numbers import Exact, NoValueError, power, root
from limr.verifier.numeric import equal_nodes, proportional
from limr.verifier.parser import parse_formula
from limr.verifier.tokens import FormulaError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2(3)", 6),
        ("-2^2", -4),
        ("2^{-3}", Fraction(1, 8)),
        ("2^10", 1024),
        (r"\frac12", Fraction(1, 2)),
        (r"\frac1{27}", Fraction(1, 27)),
        (r"\frac 9{20}", Fraction(9, 20)),
        (r"3\frac{1}{2}", Fraction(7, 2)),
        (r"-3\frac12", Fraction(-7, 2)),
        (r"3\frac{5}{2}", Fraction(15, 2)),
        ("8/2/2", 2),
        ("1-2-3", -4),
        ("0.1+0.2", Fraction(3, 10)),
        (r"0.1\overline{6}", Fraction(1, 6)),
        ("3.54e-07", Fraction(354, 10**9)),
        ("1e2", 100),
        (r"3.2\times 10^5", 320000),
        ("5!", 120),
        (r"\binom{10}{3}", 120),
        ("C(10,3)", 120),
        (r"\sqrt{\frac{4}{9}}", Fraction(2, 3)),
        (r"\sqrt[3]{-27}", -3),
        ("8^{2/3}", 4),
        (r"\lfloor -3.2 \rfloor", -4),
        (r"\lceil 3.2 \rceil", 4),
        ("|3-5|", 2),
        ("||-2|-5|", 3),
        (r"17 \bmod 5", 2),
        (r"\gcd(12,18)", 6),
        (r"\max(5,6)", 6),
        (r"\sum_{i=1}^{10} i^2", 385),
        (r"50\percent", Fraction(1, 2)),
        (r"33\frac{1}{3}\percent", Fraction(1, 3)),
    ],
)
def test_exact_values(text, value):
    assert Exact().value(parse_formula(text)) == value


@pytest.mark.parametrize(
    "text",
    ["", "+", "1 2", "(1", "1)", r"\frac", r"\foo", "x_", "1..2", "a=b", r"\sqrt{}", "#", "é",
     "(" * 99 + "1" + ")" * 99, "-".join("1" * 900), "9" * 5000, "1e99999", "5" + "!" * 500],
)  # fmt: skip
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(FormulaError):
        parse_formula(text)


@pytest.mark.parametrize(
    "text",
    ["9^{9^{9^{9}}}", "10^{1000000}", "(10^9)!", r"\binom{10^9}{5\cdot 10^8}", r"\frac{1}{0}",
     r"\frac{0}{0}", "0^{-1}", r"\sum_{k=1}^{10^8} k", r"5 \bmod 0"],
)  # fmt: skip
def test_undefined_or_huge_has_no_value(text):
    with pytest.raises(NoValueError):
        Exact().value(parse_formula(text))


def test_powers_and_roots():
    assert power(Fraction(0), Fraction(0)) == 1
    assert power(Fraction(-1), Fraction(10**50)) == 1
    assert power(Fraction(2), Fraction(1, 2)) is None
    assert power(Fraction(-8), Fraction(2, 3)) == 4
    assert root(Fraction(2), Fraction(10**40)) == 10**20
    assert root(Fraction(2), Fraction(10**40 + 1)) is None
    assert root(Fraction(2), Fraction(-4)) is None


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt{5+2\sqrt{6}}", True),
        (r"\sqrt{2+10^{-90}}", r"\sqrt{2}", False),
        (r"\sqrt{2}-\sqrt{2}", "0", True),
        (r"\sqrt{2}-\sqrt{2}+10^{-40}\pi", "0", False),
        ("e^{-200}", "e^{-201}", False),
        ("e^{-200}", "0", False),
        (r"\log_2 8", "3", True),
        (r"e^{i\pi}", "-1", True),
        (r"\sqrt{-4}", "2i", True),
        (r"\sin 30\degree", r"\frac12", True),
        (r"\sin^2 x + \cos^2 x", "1", True),
        (r"\sin 2x", r"2\sin x\cos x", True),
        (r"\tan^{-1} x", r"\arctan x", True),
        (r"\tan^{-1} x", r"\cot x", False),
        ("|x|", r"\sqrt{x^2}", True),
        ("x", r"\sqrt{x^2}", False),
        (r"\frac{x^2-1}{x-1}", "x+1", True),
        ("x^{2y}", "x^2y", False),
        ("(-1)^n", r"\cos(n\pi)", True),
        (r"\frac{n!}{(n-1)!}", "n", True),
        (r"\ln(ab)", r"\ln a+\ln b", True),
        ("(x+1)^{200}", "(x+1)^{200}+1", False),
        ("f(x+1)", "f(1+x)", True),
        ("f(x)", "f(y)", False),
        ("f(x)", "g(x)", False),
        (r"\infty", r"-\infty", False),
        (r"\frac{1}{0}", r"\frac{1}{0}", False),
        ("x + 10^{-200}", "x", False),
    ],
)
def test_equality(a, b, same):
    first, second = parse_formula(a), parse_formula(b)
    assert equal_nodes(first, second) is same
    assert equal_nodes(second, first) is same


def test_proportional():
    def check(a, b, **options):
        return proportional(parse_formula(a), parse_formula(b), **options)

    assert check("2x+y-4", "4x+2y-8")
    assert check("x-y", "y-x")
    assert not check("x-y", "y-x", positive=True)
    assert not check("x-y", "x+y")
    assert not check("x-x", "x")


def _random_pair(rng, depth):
    """The same random expression as LaTeX and as a sympy tree."""
    if depth == 0:
        leaf = rng.choice(["x", "y", "number"])
        if leaf == "number":
            value = rng.randint(1, 9)
            return str(value), sympy.Integer(value)
        return leaf, sympy.Symbol(leaf, real=True)
    (a, p), (b, q) = _random_pair(rng, depth - 1), _random_pair(rng, depth - 1)
    kind = rng.choice(["+", "-", "*", "/", "^", "sin"])
    if kind == "+":
        return f"({a}) + ({b})", p + q
    if kind == "-":
        return f"({a}) - ({b})", p - q
    if kind == "*":
        return rf"({a}) \cdot ({b})", p * q
    if kind == "/":
        return rf"\frac{{{a}}}{{({b})^2+1}}", p / (q**2 + 1)
    if kind == "^":
        return f"({a})^{{2}}", p**2
    return rf"\sin({a})", sympy.sin(p)


def test_random_expressions_equal_what_sympy_prints_of_them():
    rng = random.Random(3)
    changed = 0
    for _ in range(60):
        text, tree = _random_pair(rng, rng.randint(1, 3))
        other = sympy.latex(sympy.expand(tree))
        a, b = (
            parse_formula(text),
            parse_formula(other.replace(r"\left", "").replace(r"\right", "")),
        )
        assert equal_nodes(a, b), (text, other)
        wrong = sympy.latex(tree + sympy.Rational(1, 10**6))
        c = parse_formula(wrong.replace(r"\left", "").replace(r"\right", ""))
        assert not equal_nodes(a, c), (text, wrong)
        changed += text != other
    assert changed > 30


def test_trees():
    tree = parse_formula("a_1 x + f(2)")
    assert tree.symbols() == {"a_1", "x", "f"}
    assert parse_formula(r"\sum_{k=1}^{n} k").symbols() == {"n"}
    assert num(3).depth() == 1
    assert parse_formula("-x^2").depth() == 3
