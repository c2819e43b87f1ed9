"""Families of arithmetic problems that a tiny model can learn to work out in written steps.

Every solvable problem is a running calculation on values from 0 to 99: a start value and a chain
of one-digit (or whole-ten) steps, written as ``3+4=7-5=2``. A guess has to do the whole chain at
once, the written steps only one table look-up each; reinforcement learning can use that gap.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

NAMES = ("Ann", "Ben", "Eva", "Ida", "Jon", "Kim", "Leo", "Mia", "Ned", "Pia", "Sam", "Tom")
"""Who owns things in word problems."""
ITEMS = ("pens", "cups", "maps", "nuts", "eggs", "keys", "hats", "coins", "books", "cards")
"""What they own."""
GAINS = ("gets", "buys", "finds")
LOSSES = ("loses", "sells", "eats")

Step = tuple[str, int]
"""An operator (one of ``+ - * /``) and its right operand."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A drawn problem before it has an id."""

    prompt: str
    answer: str
    solution: str
    """Worked steps ending in ``\\boxed{answer}``; empty where no steps could find the answer."""


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of problem."""

    level: str
    """Difficulty class: easy, middle, hard, impossible or unseen."""
    draw: Callable[[random.Random], Draft]
    """One random problem; the same generator state gives the same problem."""


def apply_step(value: int, step: Step) -> int:
    """The value after one step; division is exact by construction.

    >>> apply_step(21, ("/", 3))
    7
    """
    operator, operand = step
    if operator == "+":
        return value + operand
    if operator == "-":
        return value - operand
    if operator == "*":
        return value * operand
    quotient, rest = divmod(value, operand)
    assert rest == 0, f"{value}/{operand} is not whole"
    return quotient


def work_out(start: int, steps: Sequence[Step]) -> tuple[int, str]:
    """The final value and the written running calculation.

    >>> work_out(3, [("+", 4), ("-", 5)])
    (2, '3+4=7-5=2')
    """
    value, text = start, str(start)
    for step in steps:
        value = apply_step(value, step)
        text += f"{step[0]}{step[1]}={value}"
    return value, text


def _draft(prompt: str, start: int, steps: Sequence[Step]) -> Draft:
    value, text = work_out(start, steps)
    return Draft(prompt, str(value), f"{text}\\boxed{{{value}}}")


def _draw_steps(rng: random.Random, start: int, count: int) -> list[Step]:
    """``count`` additions or subtractions of 1 to 9 that keep the value in 0 to 99."""
    value, steps = start, list[Step]()
    while len(steps) < count:
        step = (rng.choice("+-"), rng.randint(1, 9))
        if 0 <= apply_step(value, step) <= 99:
            steps.append(step)
            value = apply_step(value, step)
    return steps


def _written(steps: Sequence[Step]) -> str:
    return "".join(f"{operator}{operand}" for operator, operand in steps)


def _two_digit_step(rng: random.Random, start: int) -> Step:
    """An addition or subtraction of 11 to 89 that keeps the value in 0 to 99."""
    while True:
        step = (rng.choice("+-"), rng.randint(11, 89))
        if 0 <= apply_step(start, step) <= 99:
            return step


def _split_tens(steps: Sequence[Step]) -> list[Step]:
    """Every step above 9 as a whole-ten step and a one-digit step, as one would do it on paper."""
    small = list[Step]()
    for operator, operand in steps:
        if operator in "+-" and operand > 9:
            parts = (operand // 10 * 10, operand % 10)
            small += [(operator, part) for part in parts if part]
        else:
            small.append((operator, operand))
    return small


def _pair(rng: random.Random) -> Draft:
    start = rng.randint(1, 99)
    steps = _draw_steps(rng, start, 1)
    return _draft(f"{start}{_written(steps)}=", start, steps)


def _chain(rng: random.Random) -> Draft:
    start = rng.randint(1, 30)
    steps = _draw_steps(rng, start, rng.randint(2, 4))
    return _draft(f"{start}{_written(steps)}=", start, steps)


def _carry(rng: random.Random) -> Draft:
    start = rng.randint(10, 89)
    step = _two_digit_step(rng, start)
    return _draft(f"{start}{_written([step])}=", start, _split_tens([step]))


def _mixed_steps(rng: random.Random, start: int, count: int) -> list[Step]:
    """A two-digit step with ``count`` one-digit steps around it."""
    before = _draw_steps(rng, start, rng.randint(0, count))
    value, _ = work_out(start, before)
    middle = _two_digit_step(rng, value)
    after = _draw_steps(rng, apply_step(value, middle), count - len(before))
    return [*before, middle, *after]


def _mixed(rng: random.Random) -> Draft:
    start = rng.randint(10, 89)
    steps = _mixed_steps(rng, start, rng.randint(1, 2))
    return _draft(f"{start}{_written(steps)}=", start, _split_tens(steps))


def _draw_select(rng: random.Random, count: int) -> tuple[int, str]:
    values = rng.sample(range(1, 100), count)
    name = rng.choice(("max", "min"))
    return (max if name == "max" else min)(values), f"{name}({','.join(map(str, values))})"


def _select(rng: random.Random) -> Draft:
    best, text = _draw_select(rng, rng.randint(2, 3))
    return _draft(f"{text}=", best, [])


def _select_chain(rng: random.Random) -> Draft:
    best, text = _draw_select(rng, 2)
    steps = _draw_steps(rng, best, rng.randint(1, 3))
    return _draft(f"{text}{_written(steps)}=", best, steps)


def _select_mixed(rng: random.Random) -> Draft:
    best, text = _draw_select(rng, 2)
    steps = _mixed_steps(rng, best, rng.randint(0, 1))
    return _draft(f"{text}{_written(steps)}=", best, _split_tens(steps))


def _draw_product(rng: random.Random) -> tuple[int, Step]:
    return rng.randint(2, 9), ("*", rng.randint(2, 9))


def _product_chain(rng: random.Random) -> Draft:
    left, times = _draw_product(rng)
    steps = [times, *_draw_steps(rng, apply_step(left, times), rng.randint(1, 3))]
    return _draft(f"{left}{_written(steps)}=", left, steps)


def _product_carry(rng: random.Random) -> Draft:
    left, times = _draw_product(rng)
    steps = [times, _two_digit_step(rng, apply_step(left, times))]
    return _draft(f"{left}{_written(steps)}=", left, _split_tens(steps))


def _product_mixed(rng: random.Random) -> Draft:
    left, times = _draw_product(rng)
    steps = [times, *_mixed_steps(rng, apply_step(left, times), 1)]
    return _draft(f"{left}{_written(steps)}=", left, _split_tens(steps))


def _draw_digits(rng: random.Random, count: int) -> tuple[int, list[Step], str]:
    digits = [rng.randint(1, 9) for _ in range(count)]
    return digits[0], [("+", digit) for digit in digits[1:]], f"sum({''.join(map(str, digits))})"


def _digits(rng: random.Random) -> Draft:
    start, steps, text = _draw_digits(rng, rng.randint(3, 5))
    return _draft(f"{text}=", start, steps)


def _digits_carry(rng: random.Random) -> Draft:
    start, sums, text = _draw_digits(rng, rng.randint(2, 3))
    steps = [_two_digit_step(rng, work_out(start, sums)[0])]
    return _draft(f"{text}{_written(steps)}=", start, [*sums, *_split_tens(steps)])


def _digits_chain(rng: random.Random) -> Draft:
    start, sums, text = _draw_digits(rng, rng.randint(2, 3))
    steps = _draw_steps(rng, work_out(start, sums)[0], rng.randint(1, 3))
    return _draft(f"{text}{_written(steps)}=", start, [*sums, *steps])


def _digits_mixed(rng: random.Random) -> Draft:
    start, sums, text = _draw_digits(rng, rng.randint(2, 3))
    steps = _mixed_steps(rng, work_out(start, sums)[0], 1)
    return _draft(f"{text}{_written(steps)}=", start, [*sums, *_split_tens(steps)])


def _equation(rng: random.Random) -> Draft:
    factor, unknown, shift = rng.randint(2, 9), rng.randint(1, 12), rng.randint(1, 9)
    sign, inverse = rng.choice((("+", "-"), ("-", "+")))
    right = apply_step(factor * unknown, (sign, shift))
    if not 0 <= right <= 99:
        return _equation(rng)
    return _draft(f"{factor}x{sign}{shift}={right},x=", right, [(inverse, shift), ("/", factor)])


def _story(rng: random.Random, start: str, steps: Sequence[Step]) -> str:
    name, item = rng.choice(NAMES), rng.choice(ITEMS)
    deeds = [f"{rng.choice(GAINS if sign == '+' else LOSSES)} {count}" for sign, count in steps]
    return f"{name} has {start} {item}, {', '.join(deeds)}. How many?"


def _word(rng: random.Random) -> Draft:
    start = rng.randint(1, 60)
    steps = _draw_steps(rng, start, rng.randint(2, 3))
    return _draft(_story(rng, str(start), steps), start, steps)


def _big_product(rng: random.Random) -> Draft:
    left, right = rng.randint(101, 999), rng.randint(101, 999)
    return Draft(f"{left}*{right}=", str(left * right), "")


def _riddle(rng: random.Random) -> Draft:
    story = _story(rng, "some", _draw_steps(rng, 50, 2))
    return Draft(story, str(rng.randint(0, 99)), "")


def _mod(rng: random.Random) -> Draft:
    start, modulus = rng.randint(10, 99), rng.randint(2, 9)
    multiple = start // modulus * modulus
    return _draft(f"{start} mod {modulus}=", start, [("-", multiple)])


def _gcd(rng: random.Random) -> Draft:
    """Euclid's algorithm, each remainder by taking off the largest multiple."""
    large, small = sorted((rng.randint(2, 99), rng.randint(2, 99)), reverse=True)
    prompt, lines = f"gcd({large},{small})=", list[str]()
    while small:
        rest = large % small
        lines.append(f"{large}-{large - rest}={rest}")
        large, small = small, rest
    return Draft(prompt, str(large), f"{','.join(lines)}\\boxed{{{large}}}")


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "pair": Family("easy", _pair),
        "select": Family("easy", _select),
        "chain": Family("middle", _chain),
        "carry": Family("middle", _carry),
        "mixed": Family("middle", _mixed),
        "select_chain": Family("middle", _select_chain),
        "select_mixed": Family("middle", _select_mixed),
        "product_chain": Family("middle", _product_chain),
        "product_carry": Family("middle", _product_carry),
        "digits": Family("middle", _digits),
        "digits_chain": Family("middle", _digits_chain),
        "digits_carry": Family("middle", _digits_carry),
        "equation": Family("middle", _equation),
        "word": Family("middle", _word),
        "big_product": Family("hard", _big_product),
        "riddle": Family("impossible", _riddle),
        "mod": Family("hard", _mod),
        "gcd": Family("hard", _gcd),
        "product_mixed": Family("unseen", _product_mixed),
        "digits_mixed": Family("unseen", _digits_mixed),
    }
)
"""Every family by name, in the order in which mixes are filled.

A head (a number, a product, a largest value, a digit sum) is followed by a tail: one-digit steps
(``chain``), a two-digit step (``carry``) or both (``mixed``). Two cells of that grid are kept
unseen, ``product_mixed`` and ``digits_mixed``: their heads and their tail stand in other families,
the combination in none. ``mod`` and ``gcd`` stand in no default mix, for the shipped base model was
not trained on them; a ``mix`` can ask for them.
"""
