"""The tree a formula is parsed into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Node:
    """One operation on smaller trees.

    ``op`` is ``num`` (``value``), ``sym`` or ``const`` (``name``: pi, e, i, inf), ``fn`` (``name``
    and one argument), ``opaque`` (an unknown function ``name``), or one of ``add mul neg div pow
    root log fact binom mod max min gcd lcm degree percent pm mp sum prod``.
    """

    op: str
    args: tuple[Node, ...] = ()
    name: str = ""
    value: Fraction = field(default=Fraction(0))

    def walk(self) -> Iterator[Node]:
        """This node and everything below it."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.args)

    def depth(self) -> int:
        """Nodes on the longest way down, this one included."""
        deepest, level = 0, [self]
        while level:
            deepest += 1
            level = [arg for node in level for arg in node.args]
        return deepest

    def has(self, *ops: str) -> bool:
        """Whether any node below (or this one) is one of these operations."""
        return any(node.op in ops for node in self.walk())

    def symbols(self) -> frozenset[str]:
        """Names of the free variables and unknown functions."""
        bound = {n.name for n in self.walk() if n.op in ("sum", "prod")}
        names = {n.name for n in self.walk() if n.op in ("sym", "opaque")}
        return frozenset(names - bound)

    def map(self, change: Callable[[Node], Node]) -> Node:
        """The tree with ``change`` applied to every node, leaves first."""
        args = tuple(arg.map(change) for arg in self.args)
        return change(self if args == self.args else replace(self, args=args))


def num(value: int | Fraction) -> Node:
    """A rational constant."""
    return Node("num", value=Fraction(value))


def neg(node: Node) -> Node:
    """Minus a tree; folded into a constant."""
    return num(-node.value) if node.op == "num" else Node("neg", (node,))


def sub(left: Node, right: Node) -> Node:
    """The difference of two trees."""
    return Node("add", (left, neg(right)))
