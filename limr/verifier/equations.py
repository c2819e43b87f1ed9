"""When equations, inequalities and labelled values are the same."""

from __future__ import annotations

import re

from limr.verifier.comparison import Comparison
from limr.verifier.labels import is_word
from limr.verifier.nodes import Node, sub
from limr.verifier.numeric import equal_nodes, proportional
from limr.verifier.parser import parse_formula
from limr.verifier.values import Labelled, Relation, Scalar, Value


def same_labelled(run: Comparison, a: Labelled, b: Labelled) -> bool:
    """Values with the same name, or equations that are the same."""
    labels = {re.sub(r"\(.*\)", "", label) for label in (a.label, b.label)}
    alike = is_word(a.label) == is_word(b.label) and not _function_and_y(a.label, b.label)
    if len(labels) > 1 and "" not in labels and alike:
        return bool(same_equation(run, a, b))
    return run.same(a.value, b.value) or bool(same_equation(run, a, b))


def _function_and_y(*labels: str) -> bool:
    """``y = ...`` and ``f(x) = ...`` name the same curve."""
    return "y" in labels and any("(" in label for label in labels)


def same_equation(run: Comparison, a: Value, b: Value) -> bool | None:
    """Two equations whose differences of sides are proportional."""
    x, y = _difference(a), _difference(b)
    return None if x is None or y is None else proportional(x, y)


def _difference(value: Value) -> Node | None:
    """Left side minus right side of a single equation, None when it is no such thing."""
    if isinstance(value, Relation) and value.signs == ("=",):
        return sub(*value.sides)
    if not isinstance(value, Labelled) or not isinstance(value.value, Scalar) or value.value.unit:
        return None
    letters = re.fullmatch(r"[A-Za-z]{1,3}'*", value.label)
    return sub(parse_formula(value.label), value.value.node) if letters else None


def relation_scalar(run: Comparison, a: Relation, b: Scalar) -> bool | None:
    """A chain of constants stands for its value; an equation may be solved for one variable."""
    if set(a.signs) <= {"="} and not any(side.symbols() for side in a.sides):
        true = all(equal_nodes(x, a.sides[-1]) for x in a.sides[:-1])
        return true and run.same(Scalar(a.sides[-1]), b)
    if a.signs != ("=",) or not b.node.symbols() or not run.rules.label_optional:
        return False
    solved = (sides_symbols := sub(*a.sides).symbols()) - b.node.symbols()
    if len(solved) != 1 or not b.node.symbols() < sides_symbols:
        return False
    (name,) = solved
    return proportional(sub(*a.sides), sub(Node("sym", name=name), b.node))


def same_relation(run: Comparison, a: Relation, b: Relation) -> bool | None:
    """Equations, or inequalities side by side, also read from right to left."""
    if len(a.signs) == 1 and a.signs == b.signs == ("=",):
        return same_equation(run, a, b)
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
