r"""What kind of thing an answer is: number, tuple, interval, set, list, matrix, equation, text.

:func:`read_answer` turns normalised text into one of the value classes; nothing is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from limr.verifier.nodes import Node
from limr.verifier.numerals import read_based, read_clock
from limr.verifier.parser import parse_formula
from limr.verifier.tokens import FormulaError
from limr.verifier.units import split_unit
from limr.verifier.values import (
    Braces,
    Group,
    Labelled,
    Many,
    Matrix,
    Ratio,
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


_PIECE = re.compile(r"\\(?:begin|end)\s*\{[a-z*]+\}|\\[A-Za-z]+|\\.|.", re.DOTALL)
_JOINTS = re.compile(
    r"\s*,?\s*(?:\\text\s*\{\s*,?\s*(?P<text>and|or)\s*\}|(?<![A-Za-z\\])(?P<word>and|or)(?![A-Za-z]))\s*"
)
_MATRIX = re.compile(
    r"\\begin\{([pbB]?(?:small)?matrix|array)\}(?:\s*\{[lcr| ]*\})?(.*)\\end\{\1\}", re.DOTALL
)
_SIGNS = {"=", "<", ">", r"\le", r"\ge", r"\ne", r"\in", r"\approx", r"\equiv"}
_SET_SIGNS = {r"\cup", r"\cap", r"\setminus"}
_ARGUMENTS = r"\(\s*(?:[A-Za-z]|\d+)(?:\s*,\s*[A-Za-z])*\s*\)"
_SUBSCRIPT = r"_(?:\w|\{(?:[^{}]|\\text\s*\{[^{}]*\})*\}|\\max|\\min)"
_SYMBOL = rf"(?:[A-Za-z]|\\[A-Za-z]+)(?:{_SUBSCRIPT})?(?:\^\s*\{{?-1\}}?)?['*]*\s*(?:{_ARGUMENTS})?"
_LABEL = re.compile(rf"\s*(?:{_SYMBOL}|\(\s*{_SYMBOL}(?:\s*,\s*{_SYMBOL})*\s*\))\s*")
_FIGURE = re.compile(r"\s*m?\s*\\(?:angle|triangle)\s*([A-Z]{1,3})\s*")
_WORD_LABEL = re.compile(
    r"\s*(?:\\text\s*\{[^{}]*\}|\|[A-Z]{2}\||\\overline\s*\{[A-Z]{2}\}|[A-Z][A-Za-z]+|[A-Za-z]{3,})(?:\s+[A-Za-z]+)*\s*"
)
_EMPTY = re.compile(
    r"(?:\\text\s*\{)?\s*(?:no (?:real )?solutions?|(?:the )?empty set)\s*\}?", re.I
)
_REAL_LINE = re.compile(r"(?:\\text\s*\{)?\s*all real numbers\s*\}?", re.I)
_WORDS = re.compile(r"[A-Za-z]{4,}|[A-Za-z]+(?: [A-Za-z]{2,})+")
_NAME = re.compile(r"[A-Z][A-Za-z]{1,2}|[A-Z]{2,}|yes|no|odd|up|red|one|two|six|ten|all|any")
_OPTION = re.compile(r"\([A-Z]\)\s+\S.*|\d+ ?[Rr] ?\d+", re.DOTALL)
"""An option with its text, or a quotient with remainder."""
_PROSE = re.compile(r"\\text\s*\{([^{}]*)\}")
_PROSE_JOINTS = re.compile(r"\s*(?:[,;]\s*(?:(?:and|or)\b)?|\band\b|\bor\b|&)\s*")
_FUNCTION_NAMES = re.compile(
    "(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?|sqrt|log|ln|exp|pi|theta|alpha|beta|infty|binom"
)
_THOUSANDS = re.compile(r"(?<![\d,.(])\d{1,3}(?:,\d{3})+(?![\d,])")
_DECIMAL = re.compile(r"\s*-?\s*\d*\.(\d+)\s*(?:\\(?:degree|percent))?\s*")
_OPENERS = {"(", "[", "{", r"\{"}
_CLOSERS = {")", "]", "}", r"\}"}


def read_answer(text: str) -> list[Value]:
    """Every reading of a normalised answer: ``1,234`` is a number, or else two answers."""
    readings = [_read(_THOUSANDS.sub(lambda m: m[0].replace(",", ""), text))]
    if _THOUSANDS.search(text):
        readings.append(_read(text))
    return readings


def _read(text: str, depth: int = 0) -> Value:
    text = text.strip()
    if depth > MAX_NESTING:
        return _read_scalar(text)
    if prose := _PROSE.fullmatch(text):
        words = [part for part in _PROSE_JOINTS.split(prose[1]) if part.strip()]
        if 1 < len(words) <= MAX_ITEMS:
            items = tuple(Text(rf"\text{{{part}}}") for part in words)
            return Many(items, re.search(r"\bor\b", prose[1]) is not None)
    alternatives = any("or" in (m["text"], m["word"]) for m in _JOINTS.finditer(text))
    parts = _split(_JOINTS.sub(", ", text), {",", ";"})
    if len(parts) > 1:
        return _many([part for part in parts if part.strip()], text, alternatives, depth)
    for reader in (_read_relation, _read_set, _read_brackets, _read_matrix):
        value = reader(text, depth)
        if value is not None:
            return value
    return read_based(text) or read_clock(text) or _read_scalar(text)


def _many(parts: list[str], text: str, alternatives: bool, depth: int) -> Value:
    if not parts or len(parts) > MAX_ITEMS:
        return Text(text)
    items = _flat(_read(part, depth + 1) for part in parts)
    return items[0] if len(items) == 1 else Many(items, alternatives)


def _flat(values: Iterator[Value]) -> tuple[Value, ...]:
    items: list[Value] = []
    for value in values:
        items.extend(value.items if isinstance(value, Many) else (value,))
    return tuple(items)


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """(position, depth, piece) of every command and character; brackets stand at their outside."""
    depth = 0
    for match in _PIECE.finditer(text):
        piece = match[0]
        closes = piece in _CLOSERS or piece.startswith(r"\end")
        depth -= closes
        yield match.start(), depth, piece
        depth += piece in _OPENERS or piece.startswith(r"\begin")


def _split(text: str, separators: set[str]) -> list[str]:
    """The parts between the separators that stand outside all brackets."""
    parts, start = [], 0
    for position, depth, piece in _pieces(text):
        if depth == 0 and piece in separators:
            parts.append(text[start:position])
            start = position + len(piece)
    return [*parts, text[start:]]


def _signs(text: str, signs: set[str]) -> list[str]:
    return [piece for _, depth, piece in _pieces(text) if depth == 0 and piece in signs]


def _read_relation(text: str, depth: int) -> Value | None:
    signs = _signs(text, _SIGNS)
    united = _split(text, _SET_SIGNS)
    if not signs or (len(united) > 1 and all(_signs(part, _SIGNS) for part in united)):
        return None
    sides = [side.strip() for side in _split(text, _SIGNS)]
    if r"\approx" in signs:
        cut = signs.index(r"\approx")
        if cut or (sides[0] and not _LABEL.fullmatch(sides[0])):
            return _read(_join(sides[: cut + 1], signs[:cut]), depth + 1)
        return _read(_join(sides[1:], signs[1:]), depth + 1)
    bare = [side for side in sides if re.fullmatch(r"[A-Za-z]", side)]
    if len(bare) > 1 and len(sides) > 2:
        return _chain(text, sides, signs)
    if len(sides) >= 2 and signs[0] in ("=", r"\in", r"\equiv"):
        label = _label(sides[0])
        if label is not None:
            rest = _join(sides[1:], signs[1:])
            if not rest.strip():
                return Text(text)
            return Labelled(label, _read(rest, depth + 1), signs[0])
        if signs == ["="] and (label := _label(sides[1])) is not None and sides[0]:
            return Labelled(label, _read(sides[0], depth + 1))
    return _chain(text, sides, signs)


def _join(sides: list[str], signs: list[str]) -> str:
    return sides[0] + "".join(
        f" {sign} {side}" for sign, side in zip(signs, sides[1:], strict=True)
    )


def _label(side: str) -> str | None:
    """The name a side gives, empty for words, None when the side is no mere name."""
    if side in ("e", "i", r"\pi", r"\infty", r"\R", r"\emptyset"):
        return None
    if figure := _FIGURE.fullmatch(side):
        return figure[1]
    if _LABEL.fullmatch(side):
        return re.sub(r"\\(?:text|max|min)|[\s{}]", lambda m: m[0][1:].replace("text", ""), side)
    if re.fullmatch(r"[A-Z]{2,3}", side):
        return side
    return "" if _WORD_LABEL.fullmatch(side) else None


def _chain(text: str, sides: list[str], signs: list[str]) -> Value:
    """Equations that lead to a value are that value; others stay relations."""
    nodes: list[Node | None] = []
    for side in sides:
        try:
            nodes.append(_one_value(side))
        except FormulaError:
            nodes.append(None)
    known = [node for node in nodes if node is not None]
    if set(signs) == {"="} and nodes[-1] is not None:
        constant = [node for node in known if not node.symbols()]
        bare = [node for node in known if node.op == "sym"]
        if (
            len(bare) < 2
            and not nodes[-1].symbols()
            and (len(sides) > 2 or len(constant) == len(known))
        ):
            return Relation(tuple(constant), ("=",) * (len(constant) - 1))
    if len(known) < len(nodes) or r"\in" in signs or r"\equiv" in signs:
        return Text(text)
    return Relation(tuple(known), tuple(signs))


def _read_set(text: str, depth: int) -> Value | None:
    if text in (r"\emptyset", r"\{\}", r"\{ \}") or _EMPTY.fullmatch(text):
        return Braces(())
    if text == r"\R" or _REAL_LINE.fullmatch(text):
        return SetOperation("R")
    signs = _signs(text, _SET_SIGNS)
    separators = set(_SET_SIGNS)
    if not signs and re.search(r"(?:[\])}]|\\R)\s*-\s*\\\{", text):
        signs, separators = [r"\setminus"], {"-"}
    if not signs or len(set(signs)) > 1:
        return None
    parts = [_read(part, depth + 1) for part in _split(text, separators)]
    if len(parts) > MAX_ITEMS:
        return Text(text)
    return SetOperation(signs[0], tuple(parts))


def _read_brackets(text: str, depth: int) -> Value | None:
    """A text that one pair of brackets encloses."""
    pieces = list(_pieces(text))
    if len(pieces) < 3 or pieces[0][2] not in _OPENERS or pieces[-1][2] not in _CLOSERS:
        return None
    if any(level == 0 for _, level, _ in pieces[1:-1]):
        return None
    opener, closer = pieces[0][2], pieces[-1][2]
    inner = text[len(opener) : -len(closer)].strip()
    if opener == r"\{":
        builder = _split(inner, {"|", ":"})
        if len(builder) == 2 and (_label(builder[0]) is not None or r"\in" in builder[0]):
            return _read(builder[1], depth + 1)
        parts = _split(inner, {",", ";"})
        return Braces(_flat(_read(part, depth + 1) for part in parts)) if inner else Braces(())
    parts = _split(inner, {",", ";"})
    if len(parts) == 1:
        value = _read(inner, depth + 1)
        return value if isinstance(value, Scalar | Text | Many | Labelled | Matrix) else None
    if len(parts) > MAX_ITEMS or not all(part.strip() for part in parts):
        return Text(text)
    return Group(opener, closer, tuple(_read(part, depth + 1) for part in parts))


def _read_matrix(text: str, depth: int) -> Value | None:
    match = _MATRIX.fullmatch(text)
    if match is None:
        return None
    rows = [row for row in _split(match[2].strip(), {"\\\\"}) if row.strip()]
    cells = [tuple(_read(cell, depth + 1) for cell in _split(row, {"&"})) for row in rows]
    if not cells or len(cells) * len(cells[0]) > MAX_ITEMS:
        return Text(text)
    return Matrix(tuple(cells))


def _read_scalar(text: str) -> Value:
    value_text, unit = split_unit(text)
    terms = _split(value_text, {":"})
    try:
        if len(terms) > 1:
            return Ratio(tuple(_one_value(term) for term in terms))
        if _OPTION.fullmatch(value_text) or _worded(value_text):
            return Text(text)
        node = parse_formula(value_text)
    except FormulaError:
        return Text(text)
    signs = [n for n in node.walk() if n.op in ("pm", "mp")]
    if not signs:
        decimal = _DECIMAL.fullmatch(value_text)
        return Scalar(node, unit, len(decimal[1]) if decimal else None)
    return Text(text) if len(signs) > 3 else _both_signs(node, unit)


def _one_value(text: str) -> Node:
    r"""A formula without ``\pm``, which would be several."""
    node = parse_formula(text)
    if node.has("pm", "mp"):
        raise FormulaError("several values")
    return node


def _worded(text: str) -> bool:
    """Whether a text holds a long word, or is a short one, names of functions aside."""
    bare = re.sub(r"\\[A-Za-z]+", " ", _FUNCTION_NAMES.sub(" ", text))
    return bool(_WORDS.search(bare) or _NAME.fullmatch(bare.strip()))


def _both_signs(node: Node, unit: str) -> Many:
    r"""The values of a formula with ``\pm``; with ``\mp`` all signs move together."""
    count = sum(n.op in ("pm", "mp") for n in node.walk())
    linked = node.has("mp")
    items = []
    for choice in range(2 if linked else 2**count):
        seen = iter(range(count))

        def sign(n: Node, choice: int = choice, seen: Iterator[int] = seen) -> Node:
            if n.op not in ("pm", "mp"):
                return n
            bit = choice if linked else choice >> next(seen) & 1
            minus = bool(bit) != (n.op == "mp")
            return Node("neg", n.args) if minus else n.args[0]

        items.append(Scalar(node.map(sign), unit))
    return Many(tuple(items))
