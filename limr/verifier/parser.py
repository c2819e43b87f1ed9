r"""A small LaTeX formula parser: text in, :class:`Node` out, nothing evaluated.

It reads one scalar expression of the LaTeX that answers are written in (and the plain ``sqrt(2)/2``
form). Length, number of tokens and nesting are bounded before and while parsing; what it does not
know raises :class:`FormulaError`, it never guesses and never skips.
"""

from __future__ import annotations

from fractions import Fraction

from limr.verifier.commands import read_command
from limr.verifier.nodes import Node, neg, num
from limr.verifier.tokens import MAX_DIGITS, OPEN, FormulaError, tokenize

MAX_DEPTH = 40
"""Deepest nesting read, in groups and arguments."""
MAX_TREE_DEPTH = 120
"""Deepest tree made; every later step may recurse over it."""
_STARTERS = frozenset({"num", "letter", "cmd"})
_NOT_OPERAND_NAMES = (
    "times cdot div bmod pm mp rfloor rceil le ge lt gt ne cup cap in degree percent ast"
)
_NOT_OPERANDS = frozenset(_NOT_OPERAND_NAMES.split())


def parse_formula(text: str) -> Node:
    """Parse one scalar expression of normalised text.

    Raises:
        FormulaError: If the text is no such expression, or is too long or nested too deeply.
    """
    parser = Parser(tokenize(text))
    node = parser.sum()
    if parser.kind != "end":
        raise FormulaError(f"unexpected {parser.text!r}")
    if node.depth() > MAX_TREE_DEPTH:
        raise FormulaError("too many operations in one another")
    return node


def _is_vector(node: Node) -> bool:
    return any(n.op == "sym" and n.name.startswith("vec ") for n in node.walk())


class Parser:
    """Recursive descent; every method consumes the longest expression of its level."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.bound: set[str] = set()

    @property
    def kind(self) -> str:
        """What the current token is."""
        return self.tokens[self.at][0]

    @property
    def text(self) -> str:
        """The current token."""
        return self.tokens[self.at][1]

    def take(self, *texts: str) -> bool:
        """Step over the current token when it is one of these."""
        if self.kind != "end" and self.text in texts and self.kind not in ("num", "letter"):
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Step over the current token, which must be this one."""
        if not self.take(text):
            raise FormulaError(f"expected {text!r}, got {self.text!r}")

    # --- operators, loosest first

    def sum(self) -> Node:
        """Terms with + - and plus-minus between them."""
        terms = [self.signed()]
        while True:
            if self.take("+"):
                terms.append(self.signed())
            elif self.take("-"):
                terms.append(neg(self.signed()))
            elif self.take("pm"):
                terms.append(Node("pm", (self.signed(),)))
            elif self.take("mp"):
                terms.append(Node("mp", (self.signed(),)))
            else:
                break
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def signed(self) -> Node:
        """A product with any signs before it; bounded, since a sign costs a token."""
        signs = []
        while self.text in ("+", "-", "pm", "mp") and self.take("+", "-", "pm", "mp"):
            signs.append(self.tokens[self.at - 1][1])
        node = self.product()
        for sign in reversed(signs):
            if sign == "-":
                node = neg(node)
            elif sign != "+":
                node = Node(sign, (node,))
        return node

    def product(self) -> Node:
        """Chains with explicit operators between them."""
        node = self.chain()
        while True:
            if self.take("*", "cdot", "times", "ast"):
                sign, right = self.tokens[self.at - 1][1], self.operand()
                if sign in ("cdot", "times") and _is_vector(node) and _is_vector(right):
                    raise FormulaError("a product of vectors")
                node = Node("mul", (node, right))
            elif self.take("/", "div"):
                node = Node("div", (node, self.operand()))
            elif self.take("bmod"):
                node = Node("mod", (node, self.operand()))
            else:
                return node

    def operand(self) -> Node:
        """What follows an explicit ``*`` or ``/``: a chain, perhaps with a sign."""
        sign = 1
        while self.text in ("+", "-") and self.take("+", "-"):
            sign = -sign if self.tokens[self.at - 1][1] == "-" else sign
        node = self.chain()
        return neg(node) if sign < 0 else node

    def chain(self) -> Node:
        """Factors side by side; an integer before a proper fraction is a mixed number."""
        factors = [self.power()]
        while self.starts_operand():
            start = self.at
            factor = self.power()
            mixed = self.mixed_number(factors, factor, start)
            if mixed is not None:
                factors = [mixed]
            elif self.tokens[start][0] == "num" and self.tokens[start - 1][0] == "num":
                if factor.op != "pow" or factors[-1].op != "pow":
                    raise FormulaError("two numbers side by side")
                factors.append(factor)
            else:
                factors.append(factor)
        return factors[0] if len(factors) == 1 else Node("mul", tuple(factors))

    def mixed_number(self, factors: list[Node], factor: Node, start: int) -> Node | None:
        r"""``3\frac{1}{2}``, perhaps with a degree or percent sign, as one number."""
        if (
            len(factors) != 1
            or self.tokens[start - 1][0] != "num"
            or self.tokens[start][1] != "frac"
        ):
            return None
        if factor.op in ("percent", "degree"):
            inner = self.mixed_number(factors, factor.args[0], start)
            return None if inner is None else Node(factor.op, (inner,))
        if factor.op != "div":
            return None
        whole, (top, bottom) = factors[0], factor.args
        numbers = all(n.op == "num" and n.value.denominator == 1 for n in (whole, top, bottom))
        if not numbers or not 0 < top.value < bottom.value:
            return None
        return num(whole.value + top.value / bottom.value)

    def starts_operand(self) -> bool:
        """Whether the current token can begin a factor."""
        if self.kind in ("num", "letter", "repeating"):
            return True
        if self.kind == "cmd":
            return self.text not in _NOT_OPERANDS
        return self.text in ("(", "{", "[") or (self.text == "|" and self.bars == 0)

    def power(self) -> Node:
        """An atom with its exponents and postfixes."""
        base = self.postfix(self.atom())
        while self.take("^"):
            base = self.postfix(Node("pow", (base, self.exponent())))
        return base

    def postfix(self, node: Node) -> Node:
        """A node with the factorial, degree and percent signs after it."""
        while True:
            if self.take("!"):
                node = Node("fact", (node,))
            elif self.take("degree"):
                node = Node("degree", (node,))
            elif self.take("percent"):
                node = Node("percent", (node,))
            else:
                return node

    def exponent(self) -> Node:
        """After ``^``: a group, or a bare signed atom (``x^-1``, ``2^10`` read as written)."""
        negative = False
        while self.take("-"):
            negative = not negative
        node = self.number() if self.kind == "num" else self.atom()
        return neg(node) if negative else node

    # --- atoms

    def atom(self) -> Node:
        """A number, letter, command or group."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaError("nested too deeply")
        node = self.one_atom()
        self.depth -= 1
        return node

    def one_atom(self) -> Node:
        """What :meth:`atom` reads, the nesting not counted."""
        kind, text = self.kind, self.text
        if kind == "num":
            return self.number()
        if kind == "repeating":
            return self.repeating()
        if kind == "letter":
            return self.letter()
        if kind == "cmd":
            self.at += 1
            return read_command(self, text)
        if text in OPEN:
            return self.group()
        if self.take("|"):
            return self.bar()
        raise FormulaError(f"expected a value, got {text or 'the end'!r}")

    def group(self) -> Node:
        """A sum in brackets."""
        closer = OPEN.get(self.text)
        if closer is None:
            raise FormulaError(f"expected a group, got {self.text!r}")
        self.at += 1
        bars, self.bars = self.bars, 0
        node = self.sum()
        self.bars = bars
        self.expect(closer)
        return node

    def bar(self) -> Node:
        """An absolute value whose first bar was read."""
        self.bars += 1
        node = self.sum()
        self.expect("|")
        self.bars -= 1
        return Node("fn", (node,), "abs")

    def number(self) -> Node:
        """An integer, decimal or number in E notation, exactly."""
        text = self.text
        self.at += 1
        mantissa, _, exponent = text.lower().partition("e")
        if len(mantissa) > MAX_DIGITS or len(exponent) > 5 or abs(int(exponent or 0)) > MAX_DIGITS:
            raise FormulaError("number too long")
        value = Fraction(text)
        return num(value)

    def repeating(self) -> Node:
        r"""``0.1\overline{6}``: the digits before, then the repeated ones over 9..90..0."""
        head, tail = self.text.rstrip("} ").split("\\overline")
        tail = tail.strip(" {")
        if len(head) + len(tail) > MAX_DIGITS:
            raise FormulaError("number too long")
        self.at += 1
        decimals = len(head.partition(".")[2])
        whole = Fraction(int(head.replace(".", "") or 0), 10**decimals)
        return num(whole + Fraction(int(tail), (10 ** len(tail) - 1) * 10**decimals))

    def letter(self) -> Node:
        """A variable, a constant or a function of one letter."""
        name = self.text
        self.at += 1
        if name.rstrip("'") in ("f", "g") and self.text == "(":
            return Node("opaque", (self.group(),), name)
        if name == "C" and self.text == "(":
            start = self.at
            pair = self.pair()
            if pair is not None:
                return Node("binom", pair)
            self.at = start
        if self.text == "_":
            return Node("sym", name=name + self.subscript())
        if name in ("e", "i") and name not in self.bound:
            return Node("const", name=name)
        return Node("sym", name=name)

    def pair(self) -> tuple[Node, Node] | None:
        """Two arguments in parentheses, or None when there is one."""
        self.expect("(")
        first = self.sum()
        if not self.take(","):
            return None
        second = self.sum()
        self.expect(")")
        return first, second

    def subscript(self) -> str:
        """``_1``, ``_{n+1}`` as part of a name."""
        self.expect("_")
        if self.text != "{":
            name = self.text
            if self.kind not in _STARTERS:
                raise FormulaError("empty subscript")
            self.at += 1
            return "_" + name
        depth, parts = 0, []
        while True:
            if self.kind == "end":
                raise FormulaError("subscript never ends")
            depth += (self.text == "{") - (self.text == "}")
            parts.append(self.text)
            self.at += 1
            if depth == 0:
                return "_" + "".join(parts[1:-1])

    def argument(self) -> Node:
        r"""A TeX argument: a group, a command with its arguments, or a single digit or letter."""
        if self.kind == "num" and "e" in self.text.lower():
            raise FormulaError("a number in E notation as an unbraced argument")
        if self.kind == "num" and self.text[0].isdigit():
            first, rest = self.text[0], self.text[1:]
            if rest:
                self.tokens[self.at] = ("num", rest)
            else:
                self.at += 1
            return num(int(first))
        return self.atom()
