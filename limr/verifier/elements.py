"""When tuples, sets, lists and matrices are the same: element by element."""

from __future__ import annotations

from collections.abc import Sequence

from limr.verifier.comparison import Comparison
from limr.verifier.values import (
    Braces,
    Group,
    Labelled,
    Many,
    Matrix,
    Relation,
    SetOperation,
    Value,
)


def same_group(run: Comparison, a: Group, b: Group) -> bool | None:
    """Tuples or intervals in the same brackets."""
    brackets = (a.opener, a.closer) == (b.opener, b.closer)
    return True if brackets and _in_order(run, a.items, b.items) else None


def same_many(run: Comparison, a: Many, b: Many) -> bool | None:
    """Lists without brackets; "or" differs from the rest where it joins conditions."""
    if (a.joint == "or") != (b.joint == "or") and (_conditions(a) or _conditions(b)):
        return None
    pair = _in_order if run.rules.lists_ordered else _in_any_order
    return True if pair(run, a.items, b.items) else None


def _conditions(many: Many) -> bool:
    """Whether items are inequalities, or values of several unknowns."""
    labels = {item.label for item in many.items if isinstance(item, Labelled)}
    return len(labels) > 1 or any(
        isinstance(item, Relation) and "=" not in item.signs for item in many.items
    )


def _components(many: Many) -> tuple[Value, ...] | None:
    """The items as a tuple, by letter where they have one; None for alternatives."""
    if many.joint == "or":
        return None
    labels = [item.label for item in many.items if isinstance(item, Labelled)]
    if len(set(labels)) < len(labels):
        return None
    if len(labels) == len(many.items) and all(len(label) == 1 for label in labels):
        order = sorted(range(len(labels)), key=labels.__getitem__)
        return tuple(many.items[i] for i in order)
    return many.items


def same_braces(run: Comparison, a: Braces, b: Braces) -> bool:
    """Finite sets."""
    return _as_sets(run, a.items, b.items)


def braces_many(run: Comparison, a: Braces, b: Many) -> bool | None:
    """A set against its elements as a list."""
    return True if run.rules.list_equals_set and _as_sets(run, a.items, b.items) else None


def singleton(run: Comparison, a: Braces, b: Value) -> bool | None:
    """A set of one element against that element."""
    if not run.rules.list_equals_set:
        return False
    return True if len(a.items) == 1 and run.same(a.items[0], b) else None


def same_matrix(run: Comparison, a: Matrix, b: Matrix) -> bool:
    """Matrices of one shape."""
    return len(a.rows) == len(b.rows) and all(
        _in_order(run, x, y) for x, y in zip(a.rows, b.rows, strict=True)
    )


def vector_in_order(run: Comparison, a: Matrix, b: Group | Many) -> bool:
    """A single row or column against a tuple or a bare list."""
    items = [cell for row in a.rows for cell in row]
    vector = run.rules.column_equals_tuple and min(len(a.rows), len(a.rows[0])) == 1
    others = _components(b) if isinstance(b, Many) else b.items
    return vector and others is not None and _in_order(run, items, others)


def group_many(run: Comparison, a: Group, b: Many) -> bool | None:
    """A tuple that lost its brackets."""
    items = _components(b)
    if not run.rules.list_equals_tuple or (a.opener, a.closer) != ("(", ")") or items is None:
        return None
    return True if _in_order(run, a.items, items) else None


def same_union(run: Comparison, a: SetOperation, b: SetOperation) -> bool | None:
    """Symbolic ends cannot be ordered, so the parts are compared as they stand."""
    pair = _in_order if a.sign == r"\setminus" else _in_any_order
    return True if a.sign == b.sign and pair(run, a.parts, b.parts) else None


def _in_order(run: Comparison, a: Sequence[Value], b: Sequence[Value]) -> bool:
    return len(a) == len(b) and all(run.same(x, y) for x, y in zip(a, b, strict=True))


def _in_any_order(run: Comparison, a: Sequence[Value], b: Sequence[Value]) -> bool:
    if len(a) != len(b):
        return False
    left = list(b)
    for x in a:
        match = next((i for i, y in enumerate(left) if run.same(x, y)), None)
        if match is None:
            return False
        del left[match]
    return True


def _as_sets(run: Comparison, a: Sequence[Value], b: Sequence[Value]) -> bool:
    return all(any(run.same(x, y) for y in b) for x in a) and all(
        any(run.same(x, y) for x in a) for y in b
    )
