"""Whether an answer and a gold answer are the same, decided by kind."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from limr.verifier.kinds import read_answer
from limr.verifier.nodes import Node, sub
from limr.verifier.normalize import normalize
from limr.verifier.numeric import equal_nodes, proportional
from limr.verifier.plain import quick_equivalent
from limr.verifier.sets import same_real_set
from limr.verifier.units import UNIT_LETTERS, units_conflict
from limr.verifier.values import (
    Based,
    Braces,
    Group,
    Labelled,
    Many,
    Matrix,
    Ratio,
    Relation,
    Scalar,
    SetOperation,
    Text,
    Value,
)

MAX_COMPARISONS = 10_000
"""Most comparisons of elements for one pair of answers."""

_budget = threading.local()
_CHOICE = re.compile(r"(?:[Oo]ption |[Cc]hoice )?\(?([A-Za-z])\)?|\(([A-Z])\)\s*\S.*", re.DOTALL)
_TEXT_MARKUP = re.compile(r"\\text\s*\{([^{}]*)\}")


def equivalent(answer: str, gold: str) -> bool:
    r"""Whether two answers are the same: as text, as exact numbers, or as values of one kind.

    Symmetric, and true of any text that is not blank with itself. Nothing in either text is ever
    evaluated as code, and every computation is bounded; what is too large to compute is not equal.

    Example:
        >>> equivalent(r"\frac{2}{4}", "0.5"), equivalent("0.333", r"\frac13")
        (True, False)
        >>> equivalent(r"[1, 2)", r"1 \le x < 2"), equivalent("(1, 2)", "(2, 1)")
        (True, False)
    """
    quick = quick_equivalent(answer, gold)
    if quick is not None:
        return quick
    first, second = sorted((answer, gold))
    a, b = normalize(first), normalize(second)
    if not a or not b:
        return False
    if a == b or _key(a) == _key(b):
        return True
    _budget.left = MAX_COMPARISONS
    try:
        return any(_same(x, y) for x in read_answer(a) for y in read_answer(b))
    except _TooCostlyError:
        return False


class _TooCostlyError(Exception):
    """The elements need more comparisons than MAX_COMPARISONS."""


def _spend() -> None:
    _budget.left -= 1
    if _budget.left < 0:
        raise _TooCostlyError


def _same(a: Value, b: Value) -> bool:
    if a == b:
        return True
    _spend()
    for x, y in ((a, b), (b, a))[: 1 if type(a) is type(b) else 2]:
        rule = _RULES.get((type(x), type(y)))
        if rule is not None:
            verdict = rule(x, y)
            if verdict is not None:
                return verdict
    for x, y in ((a, b), (b, a)):
        if isinstance(x, Labelled) and not isinstance(y, Labelled | Relation):
            return _same(x.value, y)
    return same_real_set(a, b) or False


def _same_text(a: Text, b: Text) -> bool:
    if _key(a.words) == _key(b.words):
        return True
    letters = [_CHOICE.fullmatch(_plain_words(text.words)) for text in (a, b)]
    first, second = ((m[1] or m[2]).upper() if m else None for m in letters)
    return first is not None and first == second


def _choice_letter(text: Text, scalar: Scalar) -> bool:
    match = _CHOICE.fullmatch(_plain_words(text.words))
    node = scalar.node
    name = node.name if node.op in ("sym", "const") else ""
    return match is not None and (match[1] or match[2]).upper() == name.upper()


def _plain_words(words: str) -> str:
    return _TEXT_MARKUP.sub(r"\1", words).strip(" .")


def _key(text: str) -> str:
    """Text without case, space, font commands and closing marks."""
    bare = re.sub(r"[\s~\"'`]", "", _TEXT_MARKUP.sub(r"\1", text))
    return bare.casefold().rstrip(".,;:") or bare


def _same_scalar(a: Scalar, b: Scalar) -> bool:
    if units_conflict(_unit(a), _unit(b)):
        return False
    x, y = _without_unit_letter(a.node, b.node), _without_unit_letter(b.node, a.node)
    if _equal(x, y):
        return True
    folded = [_folded(node) for node in (x, y)]
    return None not in folded and folded != [x, y] and _equal(*folded)  # type: ignore[arg-type]


def _unit(scalar: Scalar) -> str:
    """The unit, a degree or percent sign after the value counted as one."""
    return scalar.unit or (scalar.node.op if scalar.node.op in ("degree", "percent") else "")


def _equal(x: Node, y: Node) -> bool:
    """Equal under the usual conventions; a degree or percent sign on one side may be left out."""
    if equal_nodes(x, y):
        return True
    if x.has("percent") != y.has("percent") and equal_nodes(x, y, percent=Fraction(1)):
        return True
    if x.has("degree") != y.has("degree") and equal_nodes(x, y, degree=Fraction(1)):
        return True
    unbased = any(n.op == "fn" and n.name == "log" for node in (x, y) for n in node.walk())
    return unbased and equal_nodes(x, y, log_base=10)


def _without_unit_letter(node: Node, other: Node) -> Node:
    """``10m`` beside a number is ten metres, not ten times m."""
    if node.op != "mul" or len(node.args) != 2 or other.symbols():
        return node
    value, unit = node.args
    return value if value.op == "num" and unit.name in UNIT_LETTERS else node


def _folded(node: Node) -> Node | None:
    """The tree with its variables in lower case, None where that would merge two of them."""
    names = node.symbols()
    if len({name.lower() for name in names}) < len(names):
        return None

    def lower(n: Node) -> Node:
        return Node("sym", name=n.name.lower()) if n.op == "sym" else n

    return node.map(lower)


def _in_order(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))


def _in_any_order(a: Sequence[Value], b: Sequence[Value]) -> bool:
    if len(a) != len(b):
        return False
    left = list(b)
    for x in a:
        match = next((i for i, y in enumerate(left) if _same(x, y)), None)
        if match is None:
            return False
        del left[match]
    return True


def _as_sets(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return all(any(_same(x, y) for y in b) for x in a) and all(
        any(_same(x, y) for x in a) for y in b
    )


def _singleton(a: Braces, b: Value) -> bool | None:
    """A set of one element against that element."""
    return True if len(a.items) == 1 and _same(a.items[0], b) else None


def _same_group(a: Group, b: Group) -> bool | None:
    brackets = (a.opener, a.closer) == (b.opener, b.closer)
    return True if brackets and _in_order(a.items, b.items) else None


def _same_many(a: Many, b: Many) -> bool | None:
    return True if _in_any_order(a.items, b.items) else None


def _same_matrix(a: Matrix, b: Matrix) -> bool:
    return len(a.rows) == len(b.rows) and all(map(_in_order, a.rows, b.rows))


def _vector_in_order(a: Matrix, b: Group | Many) -> bool:
    """A single row or column against a tuple or a bare list."""
    items = [cell for row in a.rows for cell in row]
    return min(len(a.rows), len(a.rows[0])) == 1 and _in_order(items, b.items)


def _group_many(a: Group, b: Many) -> bool | None:
    round_brackets = (a.opener, a.closer) == ("(", ")")
    return True if round_brackets and _in_order(a.items, b.items) else None


def _same_ratio(a: Ratio, b: Ratio) -> bool:
    if len(a.terms) != len(b.terms):
        return False
    return all(
        equal_nodes(Node("mul", (p, s)), Node("mul", (q, r)))
        for (p, q), (r, s) in zip(pairwise(a.terms), pairwise(b.terms), strict=True)
    )


def _ratio_scalar(a: Ratio, b: Scalar) -> bool:
    return len(a.terms) == 2 and equal_nodes(Node("div", a.terms), b.node)


def _based_scalar(a: Based, b: Scalar) -> bool:
    """A base left out: the digits must be the same."""
    node = b.node
    digits = str(node.value) if node.op == "num" else ""
    return digits == a.digits


def _same_labelled(a: Labelled, b: Labelled) -> bool:
    labels = {re.sub(r"\(.*\)", "", label) for label in (a.label, b.label)}
    if len(labels) > 1 and "" not in labels and not _function_and_y(a.label, b.label):
        return bool(_same_equation(a, b))
    return _same(a.value, b.value) or bool(_same_equation(a, b))


def _function_and_y(*labels: str) -> bool:
    """``y = ...`` and ``f(x) = ...`` name the same curve."""
    return "y" in labels and any("(" in label for label in labels)


def _same_equation(a: Value, b: Value) -> bool | None:
    """Two equations whose differences of sides are proportional."""
    x, y = _difference(a), _difference(b)
    return None if x is None or y is None else proportional(x, y)


def _difference(value: Value) -> Node | None:
    """Left side minus right side of a single equation, None when it is no such thing."""
    if isinstance(value, Relation) and value.signs == ("=",):
        return sub(*value.sides)
    if isinstance(value, Labelled) and isinstance(value.value, Scalar):
        name = value.label
        if re.fullmatch(r"[A-Za-z]", name):
            return sub(Node("sym", name=name), value.value.node)
    return None


def _relation_scalar(a: Relation, b: Scalar) -> bool | None:
    """A chain of constants stands for its value; an equation may be solved for one variable."""
    if set(a.signs) <= {"="} and not any(side.symbols() for side in a.sides):
        true = all(equal_nodes(x, a.sides[-1]) for x in a.sides[:-1])
        return true and _same(Scalar(a.sides[-1]), b)
    if a.signs != ("=",) or not b.node.symbols():
        return False
    solved = (sides_symbols := sub(*a.sides).symbols()) - b.node.symbols()
    if len(solved) != 1 or not b.node.symbols() < sides_symbols:
        return False
    (name,) = solved
    return proportional(sub(*a.sides), sub(Node("sym", name=name), b.node))


def _same_relation(a: Relation, b: Relation) -> bool | None:
    if len(a.signs) == 1 and a.signs == b.signs == ("=",):
        return _same_equation(a, b)
    for first, second in ((a, b), (a, _reversed(b))):
        if first.signs == second.signs and all(map(equal_nodes, first.sides, second.sides)):
            return True
        one = len(first.signs) == 1 and first.signs == second.signs
        if one and proportional(sub(*first.sides), sub(*second.sides), positive=True):
            return True
    return None


def _reversed(relation: Relation) -> Relation:
    flipped = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
    signs = tuple(flipped.get(sign, sign) for sign in reversed(relation.signs))
    return Relation(tuple(reversed(relation.sides)), signs)


def _same_union(a: SetOperation, b: SetOperation) -> bool | None:
    """Symbolic ends cannot be ordered, so the parts are compared as they stand."""
    return True if a.sign == b.sign and _in_any_order(a.parts, b.parts) else None


_RULES: dict[tuple[type, type], Callable[[Any, Any], bool | None]] = {
    (Text, Text): _same_text,
    (Text, Scalar): _choice_letter,
    (Scalar, Scalar): _same_scalar,
    (Group, Group): _same_group,
    (Many, Many): _same_many,
    (Braces, Braces): lambda a, b: _as_sets(a.items, b.items),
    (Braces, Many): lambda a, b: _as_sets(a.items, b.items) or None,
    (Braces, Scalar): _singleton,
    (Braces, Group): _singleton,
    (Matrix, Matrix): _same_matrix,
    (Matrix, Group): _vector_in_order,
    (Matrix, Many): _vector_in_order,
    (Group, Many): _group_many,
    (Ratio, Ratio): _same_ratio,
    (Ratio, Scalar): _ratio_scalar,
    (Based, Scalar): _based_scalar,
    (Labelled, Labelled): _same_labelled,
    (Labelled, Relation): _same_equation,
    (Relation, Scalar): _relation_scalar,
    (Relation, Relation): _same_relation,
    (SetOperation, SetOperation): _same_union,
}
