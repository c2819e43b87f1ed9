"""Several answers side by side: flattened, and put together again where they are tuples."""

from __future__ import annotations

from collections.abc import Iterable

from limr.verifier.values import Group, Labelled, Many, Relation, Scalar, Value


def in_rounds(many: Many) -> Value:
    """``x=1, y=2, x=3, y=4`` as two tuples."""
    labels = [item.label if isinstance(item, Labelled) else "" for item in many.items]
    width = len(dict.fromkeys(labels))
    if not all(labels) or not 1 < width < len(labels) or len(labels) % width:
        return many
    rounds = [Many(many.items[i : i + width]) for i in range(0, len(labels), width)]
    if any(labels[i] != labels[i % width] for i in range(len(labels))):
        return many
    return Many(tuple(as_tuple(part) for part in rounds), many.joint)


def as_tuple(value: Value) -> Value:
    """Values of several single letters as the tuple of these values, by letter."""
    if not isinstance(value, Many) or value.joint == "or":
        return value
    named = {item.label: item.value for item in value.items if isinstance(item, Labelled)}
    if len(named) < len(value.items) or any(len(label) > 1 for label in named):
        return value
    return Group("(", ")", tuple(named[label] for label in sorted(named)))


def excluded(items: tuple[Value, ...]) -> tuple[Value, ...]:
    r"""``x \ne 0, 1`` as ``x \ne 0, x \ne 1``."""
    first = items[0]
    if not isinstance(first, Relation) or first.signs != (r"\ne",):
        return items
    return tuple(
        Relation((first.sides[0], item.node), first.signs) if isinstance(item, Scalar) else item
        for item in items
    )


def flat(values: Iterable[Value]) -> tuple[Value, ...]:
    """The values, with the items of lists in place of the lists."""
    items: list[Value] = []
    for value in values:
        items.extend(value.items if isinstance(value, Many) else (value,))
    return tuple(items)
