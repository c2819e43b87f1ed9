"""One comparison of two answers: its policies, the work still allowed, a rule per two kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from limr.verifier.rules import Rules
from limr.verifier.sets import same_real_set
from limr.verifier.values import Group, Labelled, Many, Relation, SetOperation, Value

MAX_COMPARISONS = 10_000
"""Most comparisons of elements for one pair of answers."""

PairRules = Mapping[tuple[type, type], Callable[["Comparison", Any, Any], bool | None]]
"""For two kinds, whether values of these are the same; a rule that returns None leaves it open."""


class TooCostlyError(Exception):
    """The elements need more comparisons than MAX_COMPARISONS."""


class Comparison:
    """Compares values, and their elements with itself, until the work allowed is used up."""

    def __init__(self, rules: Rules, pairs: PairRules) -> None:
        self.rules, self.pairs = rules, pairs
        self.left = MAX_COMPARISONS

    def same(self, a: Value, b: Value) -> bool:
        """Whether two values are the same.

        Raises:
            TooCostlyError: After MAX_COMPARISONS calls.
        """
        if a == b:
            return True
        self.left -= 1
        if self.left < 0:
            raise TooCostlyError
        for x, y in ((a, b), (b, a))[: 1 if type(a) is type(b) else 2]:
            rule = self.pairs.get((type(x), type(y)))
            if rule is not None:
                verdict = rule(self, x, y)
                if verdict is not None:
                    return verdict
        for x, y in ((a, b), (b, a)):
            if isinstance(x, Labelled) and not isinstance(y, Labelled | Relation):
                if x.sign == r"\in" and isinstance(x.value, Group) and isinstance(y, Many):
                    break
                optional = self.rules.label_optional or not x.label or x.sign != "="
                return optional and self.same(x.value, y)
        if not self.rules.interval_equals_inequality and _inequality(a) != _inequality(b):
            return False
        return same_real_set(a, b) or False


def _inequality(value: Value) -> bool:
    """Whether a value is, or is made of, inequalities."""
    if isinstance(value, Many):
        return any(_inequality(item) for item in value.items)
    if isinstance(value, SetOperation):
        return any(_inequality(part) for part in value.parts)
    return isinstance(value, Relation)
