import pickle

import pytest

from limr.verifier import Checks, RuleReward, Rules, VerifierPool, check_gold, equivalent, verify

PAIRS = [
    (Rules(degree_sign_optional=False), r"30^\circ", "30"),
    (Rules(degrees_equal_radians=False), r"30^\circ", r"\frac{\pi}{6}"),
    (Rules(percent="value"), r"50\%", "50"),
    (Rules(percent="number"), r"50\%", "0.5"),
    (Rules(unit_optional=False), r"5\text{ cm}", "5"),
    (Rules(unit_optional=False), "10m", "10"),
    (Rules(base_optional=False), "204_5", "204"),
    (Rules(label_optional=False), "x=5", "5"),
    (Rules(label_optional=False), "x=1, y=2", "1, 2"),
    (Rules(label_optional=False), "y=2x+1", "2x+1"),
    (Rules(lists_ordered=True), "1, 2", "2, 1"),
    (Rules(list_equals_tuple=False), "1, 2", "(1, 2)"),
    (Rules(list_equals_set=False), "1, 2", r"\{2, 1\}"),
    (Rules(list_equals_set=False), "5", r"\{5\}"),
    (Rules(column_equals_tuple=False), r"\begin{pmatrix}1\\2\end{pmatrix}", "(1, 2)"),
    (Rules(interval_equals_inequality=False), "x > 3", r"(3, \infty)"),
    (Rules(interval_equals_inequality=False), r"x<1 \cup x>3", r"(-\infty,1)\cup(3,\infty)"),
    (Rules(ratio_equals_fraction=False), "1:2", r"\frac12"),
    (Rules(ignore_case=False), r"\text{Even}", r"\text{even}"),
    (Rules(ignore_case=False), "X^2", "x^2"),
    (Rules(ignore_case=False), r"\text{(c)}", "C"),
    (Rules(log_base="e"), r"\log 2", r"\log_{10} 2"),
    (Rules(log_base="10"), r"\log 2", r"\ln 2"),
]


@pytest.mark.parametrize(("strict", "a", "b"), PAIRS)
def test_each_policy_decides_its_own_pair(strict, a, b):
    for first, second in ((a, b), (b, a)):
        assert equivalent(first, second)
        assert not equivalent(first, second, strict)
    assert equivalent(f" {a} ", f"{a}.", strict)


@pytest.mark.parametrize(
    ("rules", "a", "b"),
    [
        (Rules(degrees_equal_radians=False), r"\sin 30^\circ", r"\frac12"),
        (Rules(degree_sign_optional=False), r"30^\circ", r"\frac{\pi}{6}"),
        (Rules(percent="value"), r"50\%", r"\frac12"),
        (Rules(percent="number"), r"50\%", "50"),
        (Rules(percent="number"), r"50\%", r"50.0\%"),
        (Rules(unit_optional=False), r"5\text{ cm}", r"5.0\text{ centimeters}"),
        (Rules(label_optional=False), "x=5", "x=5.0"),
        (Rules(label_optional=False), r"x \in (1,2)", "(1,2)"),
        (Rules(interval_equals_inequality=False), "3 < x", "x > 3"),
        (Rules(log_base="10"), r"\log 100", "2"),
        (Rules(log_base="e"), r"\log 2", r"\ln 2"),
    ],
)
def test_a_strict_policy_leaves_the_rest(rules, a, b):
    assert equivalent(a, b, rules)
    assert equivalent(b, a, rules)


@pytest.mark.parametrize(
    ("digits", "decimal", "exact", "same"),
    [
        (3, "1.414", r"\sqrt2", True),
        (5, "1.414", r"\sqrt2", False),
        (3, "1.415", r"\sqrt2", False),
        (3, "1.410", r"\sqrt2", False),
        (3, "0.333", r"\frac13", True),
        (4, "0.333", r"\frac13", False),
        (3, "-0.667", r"-\frac23", True),
        (3, "-0.666", r"-\frac23", False),
        (3, "0.13", r"\frac18", False),
        (2, "0.13", r"\frac18", False),
        (2, "0.012", r"\frac{1}{81}", True),
        (2, r"33.3\%", r"\frac{100}{3}\%", True),
        (3, r"57.30^\circ", r"\frac{180}{\pi}^\circ", True),
        (3, "3", r"\pi", False),
        (3, "3.14159265358979323846264338327950", r"\pi", False),
        (2, "(0.33, 1)", r"(\frac13, 1)", True),
        (2, "0.33", "x", False),
    ],
)
def test_rounded_values_of_values_without_a_finite_decimal(digits, decimal, exact, same):
    assert equivalent(decimal, exact, Rules(rounded_digits=digits)) is same
    assert equivalent(exact, decimal, Rules(rounded_digits=digits)) is same
    assert not equivalent(decimal, exact)


def test_rounding_to_no_digits_is_refused():
    with pytest.raises(ValueError, match="rounded_digits must be >= 1 or None, got 0"):
        Rules(rounded_digits=0)


def test_rules_reach_every_way_of_grading():
    rounding = Rules(rounded_digits=2)
    response, gold, free = r"\boxed{0.33}", r"\frac{1}{3}", Checks(max_boxes=None)
    assert verify(response, gold, checks=free).status == "wrong"
    assert verify(response, gold, checks=free, rules=rounding).status == "correct"
    assert check_gold(gold, rounding) is None
    with VerifierPool(checks=free, rules=rounding) as pool:
        assert pool.map([(response, gold)])[0].status == "correct"
        assert pickle.loads(pickle.dumps(pool)).rules == rounding
    reward = RuleReward(checks=free, rules=rounding)
    try:
        assert reward.grade([response], [gold], [False])[0].status == "correct"
    finally:
        reward.pool.close()
