r"""What holds of every answer: of random formulas in random spellings, and of any text at all.

Formulas are sympy's, which says independently what they are worth. They are spelled at random:
spacing, brackets, fractions, multiplication signs and the order of terms and factors.
"""

from functools import reduce

import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from limr.verifier import check_gold, equivalent, extract_boxed, normalize, verify
from limr.verifier.plain import MAX_CHARACTERS

some = settings(max_examples=100, derandomize=True, deadline=None, database=None)
many = settings(some, max_examples=250)

SYMBOLS = {name: sympy.Symbol(name, real=True) for name in ("x", "y", "t")}
POINT = {symbol: sympy.Rational(7 + 12 * rank, 5) for rank, symbol in enumerate(SYMBOLS.values())}
EPSILON = sympy.Float("1e-30")


def trees(depth=3):
    """Nested tuples of an operation and its operands."""
    leaf = st.one_of(
        st.tuples(st.just("number"), st.integers(0, 30)),
        st.tuples(st.just("symbol"), st.sampled_from(sorted(SYMBOLS))),
        st.tuples(st.just("pi")),
        st.tuples(st.just("root"), st.tuples(st.just("number"), st.integers(1, 40))),
    )
    if not depth:
        return leaf
    below = trees(depth - 1)
    few = st.lists(below, min_size=2, max_size=3)
    return st.one_of(
        leaf,
        few.map(lambda args: ("add", *args)),
        few.map(lambda args: ("mul", *args)),
        st.tuples(st.just("div"), below, below),
        st.tuples(st.just("neg"), below),
        st.tuples(st.just("pow"), below, st.tuples(st.just("number"), st.integers(2, 3))),
    )


def worth(tree):
    """The tree as sympy computes it."""
    op, *args = tree
    if op == "number":
        return sympy.Integer(args[0])
    if op == "symbol":
        return SYMBOLS[args[0]]
    if op == "pi":
        return sympy.pi
    values = [worth(arg) for arg in args]
    if op == "root":
        return sympy.sqrt(values[0])
    operations = {
        "add": sympy.Add,
        "mul": sympy.Mul,
        "div": lambda a, b: a / b,
        "neg": lambda a: -a,
        "pow": sympy.Pow,
    }
    return operations[op](*values)


def at_a_point(tree):
    """The value there, to 60 digits."""
    return sympy.N(worth(tree).subs(POINT), 60)


def defined(tree):
    """Whether it has a value: nothing in it divides by zero."""
    op, *args = tree
    below = [arg for arg in args if isinstance(arg, tuple)]
    return all(map(defined, below)) and not (op == "div" and abs(at_a_point(args[1])) < EPSILON)


class Speller:
    """Writes trees in LaTeX, each time as chance has it."""

    def __init__(self, random):
        self.random = random

    def spell(self, tree):
        op, *args = tree
        return self.space() + getattr(self, op)(*args) + self.space()

    def space(self):
        return self.random.choice(["", "", "", " ", r"\,", r"\;", "  ", r"\ "])

    def shuffled(self, args):
        return self.random.sample(args, len(args))

    def number(self, value):
        return str(value)

    def symbol(self, name):
        return name

    def pi(self):
        return self.random.choice([r"\pi ", "π", r"{\pi}"])

    def root(self, arg):
        return rf"\sqrt{{{self.spell(arg)}}}"

    def add(self, *args):
        first, *rest = self.shuffled(args)
        text = self.spell(first)
        for arg in rest:
            if arg[0] == "neg":
                text += "-" + self.tight(arg[1])
            else:
                text += "+" + (self.bracketed(arg) if arg[0] == "add" else self.spell(arg))
        return text

    def neg(self, arg):
        return "-" + self.tight(arg)

    def mul(self, *args):
        def join(text, factor):
            signs = [r"\cdot ", r"\times ", "*"]
            after, before = text.rstrip()[-1], factor.lstrip()[0]
            if (after.isdigit() or after == ")") and (before in "(xyt" or factor[:4] == r"\sqr"):
                signs += ["", " "]  # no sign, where it cannot be read as a mixed number or f(x)
            return text + self.random.choice(signs) + factor

        return reduce(join, (self.tight(arg) for arg in self.shuffled(args)))

    def div(self, top, bottom):
        if self.random.random() < 0.3:
            return f"{self.atomic(top)}/{self.atomic(bottom)}"
        command = self.random.choice([r"\frac", r"\dfrac", r"\tfrac"])
        return rf"{command}{{{self.spell(top)}}}{self.space()}{{{self.spell(bottom)}}}"

    def pow(self, base, exponent):
        digits = self.spell(exponent)
        return f"{self.atomic(base)}^" + (digits if digits.isdigit() else f"{{{digits}}}")

    def tight(self, tree):
        """Bracketed where it would fall apart as a factor."""
        return self.bracketed(tree) if tree[0] in ("add", "neg", "div", "mul") else self.spell(tree)

    def atomic(self, tree):
        """Bracketed where it would fall apart beside a slash or under an exponent."""
        return self.spell(tree) if tree[0] in ("number", "symbol", "pi") else self.bracketed(tree)

    def bracketed(self, tree):
        left, right = self.random.choice(
            [("(", ")"), (r"\left(", r"\right)"), ("[", "]"), (r"\bigl(", r"\bigr)")]
        )
        return f"{left}{self.spell(tree)}{right}"


spellers = st.randoms(use_true_random=False).map(Speller)


@many
@given(trees(), spellers)
def test_a_formula_equals_its_other_spellings(tree, speller):
    assume(defined(tree))
    one, other = speller.spell(tree), speller.spell(tree)
    assume(max(len(one), len(other)) <= MAX_CHARACTERS)
    assert check_gold(one) is None
    assert equivalent(one, other)
    assert equivalent(other, one)
    assert verify(rf"So \boxed{{{other}}}.", one).status == "correct"


def nudged(tree, place):
    """The tree with one number or symbol changed, that at ``place`` in reading order."""
    leaves = iter(range(1000))

    def walk(node):
        op, *args = node
        if op == "number":
            return (op, args[0] + (next(leaves) == place))
        if op == "symbol":
            names = sorted(SYMBOLS)
            return (op, names[(names.index(args[0]) + (next(leaves) == place)) % len(names)])
        return (op, *map(walk, args))

    return walk(tree)


@many
@given(trees(), spellers, st.integers(0, 4))
def test_a_formula_equals_no_other_one(tree, speller, place):
    other = nudged(tree, place)
    assume(defined(tree) and defined(other))
    assume(abs(at_a_point(tree) - at_a_point(other)) > EPSILON)
    one, two = speller.spell(tree), speller.spell(other)
    assert not equivalent(one, two)
    assert not equivalent(two, one)


def spelled_number(value, speller):
    """A rational number as a fraction, a mixed number or, where it is one, a decimal."""
    sign, size = "-" if value < 0 else "", abs(value)
    top, bottom = size.numerator, size.denominator
    spellings = [
        f"{top}/{bottom}",
        rf"\frac{{{3 * top}}}{{{3 * bottom}}}",
        rf"\dfrac{{{top}}}{{{bottom}}}",
    ]
    if bottom == 1:
        spellings += [str(top), f"{top}.0", f"{top:,}".replace(",", "{,}")]
    if 10**6 % bottom == 0:
        spellings.append(f"{float(size):.6f}")
    if top > bottom > 1:
        spellings.append(rf"{top // bottom}\frac{{{top % bottom}}}{{{bottom}}}")
    return speller.space() + sign + speller.random.choice(spellings) + speller.space()


numbers = st.fractions(-5000, 5000, max_denominator=40)


@many
@given(numbers, numbers, st.booleans(), spellers)
def test_numbers_are_equal_where_their_values_are(a, b, same, speller):
    b = a if same else b
    assert equivalent(spelled_number(a, speller), spelled_number(b, speller)) == (a == b)


@some
@given(st.lists(numbers, min_size=2, max_size=5), st.data(), spellers)
def test_order_counts_in_tuples_and_not_in_sets(items, data, speller):
    shuffled = data.draw(st.permutations(items))
    one, other = (", ".join(spelled_number(n, speller) for n in row) for row in (items, shuffled))
    assert equivalent(f"({one})", f"({other})") == (items == shuffled)
    assert equivalent(rf"\{{{one}\}}", rf"\left\{{{other}\right\}}")
    assert not equivalent(rf"\{{{one}\}}", rf"\{{{other}, 6001\}}")


MARKS = r"0 1 5 12 . , ; : x y f e i ( ) [ ] { } \{ \} | + - * / ^ _ = < > ! ' & % $ # ~ \\"
COMMANDS = (
    r"\frac \dfrac \sqrt \sqrt[3] \text \boxed \left( \right) \pi \infty \cdot \times \le \in \to "
    r"\cup \cap \setminus \begin{pmatrix} \end{pmatrix} \begin{cases} \sum_{k=1}^{9} \int \lfloor "
    r"\pm \log \sin \degree \% \$ \overline \binom \pmod \mathbb{R} \emptyset"
)
WORDS = [" ", "\n", "and", "or", "cm", "no solution", *"²½√∞°٣\u2212\u200b"]
PIECES = [*MARKS.split(), *COMMANDS.split(), *WORDS]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.text(max_size=30),
    st.text(alphabet=r"0123456789xyi\{}()[]^_+-*/=,.%$ fracsqt", max_size=30),
)


@many
@given(texts, texts)
def test_any_text_is_graded_without_an_exception(answer, gold):
    assert isinstance(normalize(answer), str)
    assert isinstance(check_gold(gold), str | None)
    assert isinstance(extract_boxed(answer), str | None)
    assert equivalent(answer, gold) is equivalent(gold, answer)
    assert equivalent(answer, answer) is bool(answer.strip())
    for response in (answer, rf"\boxed{{{answer}}}"):
        assert verify(response, gold).status != "error"


@many
@given(texts, st.data())
def test_a_text_and_one_near_it_are_compared_the_same_both_ways(text, data):
    cut = data.draw(st.integers(0, len(text)))
    near = (
        text[:cut] + data.draw(st.sampled_from(PIECES)) + text[cut + data.draw(st.integers(0, 2)) :]
    )
    assert equivalent(text, near) is equivalent(near, text)


@some
@given(texts, st.sampled_from(["${}$", " {} ", r"\({}\)", r"\[ {} \]", "{}.", r"\displaystyle {}"]))
def test_what_is_around_an_answer_does_not_count(text, frame):
    assume(normalize(text) and not text.endswith("\\"))  # it would be one with the frame
    assert equivalent(frame.replace("{}", text), text)


balanced = st.recursive(
    st.text(alphabet="ab1+ ,", max_size=6),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: "{" + "".join(parts) + "}"),
    max_leaves=8,
)


@some
@given(balanced, balanced, balanced)
def test_the_last_box_is_found_at_any_depth(first, last, after):
    response = rf"{first}\boxed{{{first}}} so \fbox{{{last}}} {after}"
    assert extract_boxed(response) == last.strip()
    assert extract_boxed(response + r"\boxed{" + first) == last.strip()
