"""When two single values are the same: words, formulas with units, ratios, digits in a base."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from limr.verifier.comparison import Comparison
from limr.verifier.nodes import Node, num
from limr.verifier.numeric import equal_nodes, rounds_to
from limr.verifier.rules import Rules
from limr.verifier.units import UNIT_LETTERS, units_conflict
from limr.verifier.values import Based, Ratio, Scalar, Text

_CHOICE = re.compile(
    r"(?:[Oo]ption |[Cc]hoice )?\(?([A-Za-z]|[IVX]+)\)?|\(?([A-E])[):.]\s*\S.*", re.DOTALL
)
_TEXT_MARKUP = re.compile(r"\\text\s*\{([^{}]*)\}")
_ARTICLE = re.compile(r"^(?:an?|the)(?=[a-z]{4})")
_UNSEEN = re.compile(r"(?<!\d)\s+|\s+(?!\d)|[~\"]")


def text_key(text: str) -> str:
    """Text without font commands, closing marks and space, but for space between digits."""
    bare = _UNSEEN.sub("", _TEXT_MARKUP.sub(r"\1", text))
    return bare.rstrip(".,;:") or bare


def same_words(a: str, b: str, rules: Rules) -> bool:
    """Texts that are the same whatever their kind; case is free in words of several letters.

    Case counts where some letter stands in both, as in ``xX``, but for a name's first letter.
    """
    a, b = text_key(a), text_key(b)
    if a == b:
        return True
    word = len(a) > 1 and a.isalpha() and rules.ignore_case and a.casefold() == b.casefold()
    apart = all(len(set(key)) == len(set(key.casefold())) for key in (a, b))
    return word and (apart or (len(a) > 2 and a.capitalize() in (a, b) and a[1:] == b[1:]))


def same_text(run: Comparison, a: Text, b: Text) -> bool:
    """Words but for their spelling, or one letter of a multiple choice."""
    keys = [text_key(text.words) for text in (a, b)]
    keys = [_ARTICLE.sub("", key) for key in keys]
    if len({key.casefold() if run.rules.ignore_case else key for key in keys}) == 1:
        return True
    first, second = (_choice(text, run.rules) for text in (a, b))
    return first is not None and first == second


def choice_letter(run: Comparison, text: Text, scalar: Scalar) -> bool:
    """A letter written as a choice, against that letter as a variable."""
    name = scalar.node.name if scalar.node.op in ("sym", "const") else ""
    return _choice(text, run.rules) == (name.upper() if run.rules.ignore_case else name)


def _choice(text: Text, rules: Rules) -> str | None:
    match = _CHOICE.fullmatch(_TEXT_MARKUP.sub(r"\1", text.words).strip(" ."))
    letter = match and (match[1] or match[2])
    return letter.upper() if letter and rules.ignore_case else letter


def same_scalar(run: Comparison, a: Scalar, b: Scalar) -> bool:
    """Formulas of one value with units that agree."""
    if units_conflict(_unit(a), _unit(b)):
        return False
    if not run.rules.unit_optional and a.unit != b.unit:
        return False
    x, y = a.node, b.node
    if run.rules.unit_optional:
        x, y = _without_unit_letter(x, y), _without_unit_letter(y, x)
    if _equal(x, y, run.rules) or _rounded(a, b, run.rules):
        return True
    if not run.rules.ignore_case:
        return False
    p, q = _folded(x), _folded(y)
    return p is not None and q is not None and (p, q) != (x, y) and _equal(p, q, run.rules)


def _unit(scalar: Scalar) -> str:
    """The unit, a degree or percent sign after the value counted as one."""
    return scalar.unit or (scalar.node.op if scalar.node.op in ("degree", "percent") else "")


def _equal(x: Node, y: Node, rules: Rules) -> bool:
    """Equal under the rules for a sign left out on one side and for logarithms without a base."""
    bases = {"e": (None,), "10": (10,), "either": (None, 10)}[rules.log_base]
    if not any(n.op == "fn" and n.name == "log" for node in (x, y) for n in node.walk()):
        bases = (None,)
    percent_alone = x.has("percent") != y.has("percent")
    by_value = rules.percent != "number" or not percent_alone
    by_value &= rules.degrees_equal_radians or _is_angle(x) == _is_angle(y)
    if by_value and any(equal_nodes(x, y, log_base=base) for base in bases):
        return True
    if percent_alone and rules.percent != "value" and equal_nodes(x, y, percent=Fraction(1)):
        return True
    if x.has("degree") == y.has("degree") or not rules.degree_sign_optional:
        return False
    radians = any(n.op == "const" and n.name == "pi" for node in (x, y) for n in node.walk())
    return not radians and equal_nodes(x, y, degree=Fraction(1))


def _is_angle(node: Node) -> bool:
    """Whether the value is in degrees; the value of a function of degrees is not."""
    if node.op in ("fn", "log", "opaque"):
        return False
    return node.op == "degree" or any(map(_is_angle, node.args))


def _rounded(a: Scalar, b: Scalar, rules: Rules) -> bool:
    """A decimal with enough digits against the exact value that it is the rounding of."""
    if rules.rounded_digits is None:
        return False
    for decimal, exact in ((a, b), (b, a)):
        x, y = decimal.node, exact.node
        if x.op in ("degree", "percent") and x.op == y.op:
            x, y = x.args[0], y.args[0]
        if decimal.places is None or x.op != "num":
            continue
        digits = len(str(abs(int(x.value * 10**decimal.places))))
        if digits >= rules.rounded_digits and rounds_to(y, x.value, decimal.places):
            return True
    return False


def _without_unit_letter(node: Node, other: Node) -> Node:
    """``10m`` beside a number is ten metres, not ten times m."""
    if node.op != "mul" or len(node.args) != 2 or other.symbols():
        return node
    value, unit = node.args
    if unit.op == "pow" and unit.args[1].op == "num":
        unit = unit.args[0]
    return value if value.op == "num" and unit.name in UNIT_LETTERS else node


def _folded(node: Node) -> Node | None:
    """The tree with its variables in lower case, None where that would merge two of them."""
    names = node.symbols()
    if len({name.lower() for name in names}) < len(names):
        return None

    def lower(n: Node) -> Node:
        letter = n.op == "sym" and len(n.name.partition("_")[0]) == 1
        return Node("sym", name=n.name.lower()) if letter else n

    return node.map(lower)


def same_ratio(run: Comparison, a: Ratio, b: Ratio) -> bool:
    """Terms in proportion; times of day, and ratios with a zero, term by term."""
    if len(a.terms) != len(b.terms) or units_conflict(a.unit, b.unit):
        return False
    zero = any(equal_nodes(term, num(0)) for term in a.terms + b.terms)
    padded = any(ratio.clock and ratio.terms[-1].value < 10 for ratio in (a, b))
    if a.clock != b.clock and padded:
        return False
    if zero or (a.clock and b.clock):
        return all(map(equal_nodes, a.terms, b.terms))
    return all(
        equal_nodes(Node("mul", (p, s)), Node("mul", (q, r)))
        for (p, q), (r, s) in zip(pairwise(a.terms), pairwise(b.terms), strict=True)
    )


def ratio_scalar(run: Comparison, a: Ratio, b: Scalar) -> bool:
    """A ratio of two terms against their quotient."""
    optional = run.rules.ratio_equals_fraction and len(a.terms) == 2 and not a.unit + b.unit
    return optional and equal_nodes(Node("div", a.terms), b.node)


def based_scalar(run: Comparison, a: Based, b: Scalar) -> bool:
    """A base left out: the digits must be the same."""
    plain = b.node.op == "num" and re.fullmatch(r"-?[\d.]+", a.digits)
    return bool(run.rules.base_optional and plain and Fraction(a.digits) == b.node.value)
