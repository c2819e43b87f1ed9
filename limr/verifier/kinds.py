r"""What kind of thing an answer is: number, tuple, interval, set, list, matrix, equation, text.

:func:`read_answer` turns normalised text into one of the value classes; nothing is computed here.
"""

from __future__ import annotations

import re
from typing import Literal

from limr.verifier.labels import in_letter_order, read_label
from limr.verifier.lists import as_tuple, excluded, flat, in_rounds
from limr.verifier.nodes import Node
from limr.verifier.parser import parse_formula
from limr.verifier.scan import CLOSERS, OPENERS, pieces, signs_in, split
from limr.verifier.singles import one_value, read_based, read_single
from limr.verifier.tokens import FormulaError
from limr.verifier.values import (
    Braces,
    Group,
    Labelled,
    Many,
    Matrix,
    Relation,
    Scalar,
    SetOperation,
    Text,
    Value,
)

MAX_NESTING = 12
"""Deepest nesting of tuples and sets read."""
MAX_ITEMS = 60
"""Most elements of a list, tuple, set or matrix."""


_OR = "\x01"
"""Stands for the word "or" while a text is split; normalised text has no such character."""
_JOINTS = re.compile(
    r"\s*,?\s*(?:\\text\s*\{\s*,?\s*(?P<text>and|or)\s*\}|(?<![A-Za-z\\])(?P<word>and|or)(?![A-Za-z]))\s*"
)
_MATRIX = re.compile(
    r"\\begin\{([pbB]?(?:small)?matrix|array)\}(?:\s*\{[lcr| ]*\})?(.*)\\end\{\1\}", re.DOTALL
)
_SIGNS = {"=", "<", ">", r"\le", r"\ge", r"\ne", r"\in", r"\approx", r"\equiv"}
_SET_SIGNS = {r"\cup", r"\cap", r"\setminus"}
_EMPTY = re.compile(
    r"(?:\\text\s*\{)?\s*(?:no (?:real )?solutions?|(?:the )?empty set)\s*\}?", re.I
)
_REAL_LINE = re.compile(r"(?:\\text\s*\{)?\s*all real numbers\s*\}?", re.I)
_THOUSANDS = re.compile(r"(?<![\d,.(])\d{1,3}(?:,\d{3})+(?![\d,])")
_POINT = re.compile(r"[ABDEMOPQ]\s*\(")


def read_answer(text: str) -> list[Value]:
    """Every reading of a normalised answer: ``1,234`` is a number, or else two answers."""
    readings = [_read(_THOUSANDS.sub(lambda m: m[0].replace(",", ""), text))]
    if _THOUSANDS.search(text):
        readings.append(_read(text))
    return readings


def _read(text: str, depth: int = 0) -> Value:
    text = text.strip()
    if depth > MAX_NESTING:
        return read_single(text)
    options = [part for part in split(_JOINTS.sub(_joint, text), {_OR}) if part.strip(" ,")]
    if len(options) > 1:
        return _many(options, text, "or", depth)
    parts = split(_JOINTS.sub(", ", text), {",", ";"})
    if len(parts) > 1:
        return _many(
            [part for part in parts if part.strip()],
            text,
            "and" if _JOINTS.search(text) else "",
            depth,
        )
    for reader in (_read_relation, _read_set, _read_brackets, _read_matrix):
        value = reader(text, depth)
        if value is not None:
            return value
    return read_based(text) or read_single(text)


def _joint(match: re.Match[str]) -> str:
    return _OR if "or" in (match["text"], match["word"]) else match[0]


def _many(parts: list[str], text: str, joint: Literal["", "and", "or"], depth: int) -> Value:
    if not parts or len(parts) > MAX_ITEMS:
        return Text(text)
    values = [_read(part, depth + 1) for part in parts]
    if joint == "or":
        values = [as_tuple(value) for value in values]
    items = excluded(flat(values))
    return items[0] if len(items) == 1 else in_rounds(Many(items, joint))


def _read_relation(text: str, depth: int) -> Value | None:
    signs = signs_in(text, _SIGNS)
    united = split(text, _SET_SIGNS)
    if not signs or (len(united) > 1 and all(signs_in(part, _SIGNS) for part in united)):
        return None
    sides = [side.strip() for side in split(text, _SIGNS)]
    if r"\approx" in signs:
        cut = signs.index(r"\approx")
        if cut or (sides[0] and read_label(sides[0]) is None):
            return _read(_join(sides[: cut + 1], signs[:cut]), depth + 1)
        return _read(_join(sides[1:], signs[1:]), depth + 1)
    names = [read_label(side) for side in sides[:-1]]
    if len(sides) > 2 and set(signs) == {"="} and all(name and len(name) == 1 for name in names):
        last = _read(sides[-1], depth + 1)
        if isinstance(last, Scalar) and not last.node.symbols():
            return Many(tuple(Labelled(name, last) for name in names if name))
        return _chain(text, sides, signs)
    if len(sides) >= 2 and signs[0] in ("=", r"\in", r"\equiv"):
        label = read_label(sides[0])
        if label is not None:
            rest = _join(sides[1:], signs[1:])
            return _labelled(label, rest, signs[0], depth) if rest.strip() else Text(text)
        if signs == ["="] and (label := read_label(sides[1])) is not None and sides[0]:
            return Labelled(label, _read(sides[0], depth + 1))
    return _chain(text, sides, signs)


def _labelled(label: str, rest: str, sign: str, depth: int) -> Labelled:
    """A named value; the components of a tuple in the order of their letters."""
    value = _read(rest, depth + 1)
    order = in_letter_order(label)
    if order and isinstance(value, Group) and len(value.items) == len(order):
        items = tuple(value.items[i] for i in order)
        return Labelled("", Group(value.opener, value.closer, items), sign)
    return Labelled(label, value, sign)


def _join(sides: list[str], signs: list[str]) -> str:
    return sides[0] + "".join(
        f" {sign} {side}" for sign, side in zip(signs, sides[1:], strict=True)
    )


def _chain(text: str, sides: list[str], signs: list[str]) -> Value:
    """Equations that lead to a value are that value; others stay relations."""
    nodes: list[Node | None] = []
    for side in sides:
        try:
            nodes.append(one_value(side))
        except FormulaError:
            nodes.append(None)
    known = [node for node in nodes if node is not None]
    if set(signs) == {"="} and nodes[-1] is not None:
        constant = [node for node in known if not node.symbols()]
        if not nodes[-1].symbols() and (len(sides) > 2 or len(constant) == len(known)):
            return Relation(tuple(constant), ("=",) * (len(constant) - 1))
    if len(known) < len(nodes) or r"\in" in signs or r"\equiv" in signs:
        return Text(text)
    return Relation(tuple(known), tuple(signs))


def _read_set(text: str, depth: int) -> Value | None:
    if text in (r"\emptyset", r"\{\}", r"\{ \}") or _EMPTY.fullmatch(text):
        return Braces(())
    if text == r"\R" or _REAL_LINE.fullmatch(text):
        return SetOperation("R")
    signs = signs_in(text, _SET_SIGNS)
    separators = set(_SET_SIGNS)
    if not signs and re.search(r"(?:[\])}]|\\R)\s*-\s*\\\{", text):
        signs, separators = [r"\setminus"], {"-"}
    if not signs or len(set(signs)) > 1:
        return None
    parts = [_read(part, depth + 1) for part in split(text, separators)]
    if len(parts) > MAX_ITEMS:
        return Text(text)
    return SetOperation(signs[0], tuple(parts))


def _read_brackets(text: str, depth: int) -> Value | None:
    """A text that one pair of brackets encloses, perhaps after the letter of a point."""
    if _POINT.match(text) and len(split(text[2:-1], {","})) > 1:
        text = text[1:].strip()
    walked = list(pieces(text))
    if len(walked) < 3 or walked[0][2] not in OPENERS or walked[-1][2] not in CLOSERS:
        return None
    if any(level == 0 for _, level, _ in walked[1:-1]):
        return None
    opener, closer = walked[0][2], walked[-1][2]
    inner = text[len(opener) : -len(closer)].strip()
    if opener == r"\{":
        builder = split(inner, {"|", ":"})
        if len(builder) == 2 and (read_label(builder[0]) is not None or r"\in" in builder[0]):
            return _read(builder[1], depth + 1)
        parts = split(inner, {",", ";"})
        return Braces(flat(_read(part, depth + 1) for part in parts)) if inner else Braces(())
    parts = split(inner, {",", ";"})
    if len(parts) == 1:
        value = _read(inner, depth + 1)
        return value if isinstance(value, Scalar | Text | Many | Labelled | Matrix) else None
    if len(parts) > MAX_ITEMS or not all(part.strip() for part in parts):
        return Text(text)
    group = Group(opener, closer, tuple(_read(part, depth + 1) for part in parts))
    return _each_sign(group) if r"\pm" in inner else group


def _each_sign(group: Group) -> Value:
    r"""``(\pm 1, 2)`` as two tuples; several ``\pm`` are left alone."""
    several = [(i, item) for i, item in enumerate(group.items) if isinstance(item, Many)]
    if len(several) != 1:
        return group
    ((at, both),) = several
    before, after = group.items[:at], group.items[at + 1 :]
    return Many(tuple(Group(group.opener, group.closer, (*before, x, *after)) for x in both.items))


def _read_matrix(text: str, depth: int) -> Value | None:
    match = _MATRIX.search(text)
    if match is None or match.end() != len(text):
        return None
    factor = text[: match.start()].strip()
    if factor:
        return _scaled(factor, _read_matrix(match[0], depth))
    rows = [row for row in split(match[2].strip(), {"\\\\"}) if row.strip()]
    cells = [tuple(_read(cell, depth + 1) for cell in split(row, {"&"})) for row in rows]
    if not cells or len(cells) * len(cells[0]) > MAX_ITEMS:
        return Text(text)
    return Matrix(tuple(cells))


def _scaled(factor: str, matrix: Value | None) -> Value | None:
    """A number times a matrix."""
    try:
        scale = parse_formula("-1" if factor == "-" else factor.removesuffix(r"\cdot"))
    except FormulaError:
        return None
    if not isinstance(matrix, Matrix):
        return None
    rows = [
        tuple(Scalar(Node("mul", (scale, c.node))) for c in row if isinstance(c, Scalar))
        for row in matrix.rows
    ]
    return Matrix(tuple(rows)) if [*map(len, rows)] == [*map(len, matrix.rows)] else None
