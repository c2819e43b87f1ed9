"""When equations, inequalities and labelled values are the same."""

from __future__ import annotations

import re

from limr.verifier.comparison import Comparison
from limr.verifier.nodes import Node, sub
from limr.verifier.numeric import equal_nodes, proportional
from limr.verifier.sets import same_real_set
from limr.verifier.values import Group, Labelled, Many, Relation, Scalar, Value


def same_labelled(run: Comparison, a: Labelled, b: Labelled) -> bool:
    """Values with the same name, or equations that are the same."""
    x, y = _named_values(a), _named_values(b)
    if x is not None and y is not None:
        return _same_named(run, x, y)
    if a.sign != b.sign and any(v.sign == r"\in" and isinstance(v.value, Group) for v in (a, b)):
        return same_real_set(a.value, b.value) or False
    labels = {re.sub(r"(?<=.)\(.*\)", "", label) for label in (a.label, b.label)}
    if len(labels) > 1 and "" not in labels and not _function_and_y(a.label, b.label):
        return bool(same_equation(run, a, b))
    return run.same(a.value, b.value) or bool(same_equation(run, a, b))


def labelled_many(run: Comparison, a: Labelled, b: Many) -> bool | None:
    """``(x, y) = (1, 2)`` against ``y = 2, x = 1``."""
    x, y = _named_values(a), _named_values(b)
    return None if x is None or y is None else _same_named(run, x, y)


def _named_values(value: Value) -> dict[str, Value] | None:
    """Names with their values, where several are named and each once."""
    if isinstance(value, Many):
        named = [item for item in value.items if isinstance(item, Labelled) and item.sign == "="]
        names = [item.label for item in named]
        values: list[Value] = [item.value for item in named]
        if value.alternatives or len(named) < len(value.items):
            return None
    elif isinstance(value, Labelled) and value.label[:1] == "(" and isinstance(value.value, Group):
        names, values = value.label[1:-1].split(","), list(value.value.items)
    else:
        return None
    return dict(zip(names, values, strict=True)) if len({*names}) == len(values) > 1 else None


def _same_named(run: Comparison, a: dict[str, Value], b: dict[str, Value]) -> bool:
    return a.keys() == b.keys() and all(run.same(value, b[name]) for name, value in a.items())


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
    if isinstance(value, Labelled) and value.sign == "=" and isinstance(value.value, Scalar):
        name = value.label
        if re.fullmatch(r"[A-Za-z]'*", name):
            return sub(Node("sym", name=name), value.value.node)
    return None


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
    if set(a.signs) == set(b.signs) == {"="}:
        return _same_sides(a, b)
    for first, second in ((a, b), (a, _reversed(b))):
        if first.signs == second.signs and all(map(equal_nodes, first.sides, second.sides)):
            return True
        one = len(first.signs) == 1 and first.signs == second.signs
        if one and proportional(sub(*first.sides), sub(*second.sides), positive=True):
            return True
    return None


def _same_sides(a: Relation, b: Relation) -> bool:
    """Chains of equal sides, in any order."""
    left = list(b.sides)
    for side in a.sides:
        match = next((i for i, other in enumerate(left) if equal_nodes(side, other)), None)
        if match is None:
            return False
        del left[match]
    return not left


def _reversed(relation: Relation) -> Relation:
    flipped = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}
    signs = tuple(flipped.get(sign, sign) for sign in reversed(relation.signs))
    return Relation(tuple(reversed(relation.sides)), signs)
