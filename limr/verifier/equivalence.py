"""Whether an answer and a gold answer are the same, decided by kind."""

from __future__ import annotations

import re

from limr.verifier import elements, equations, scalars
from limr.verifier.comparison import Comparison, PairRules, TooCostlyError
from limr.verifier.kinds import read_answer
from limr.verifier.normalize import normalize
from limr.verifier.plain import quick_equivalent
from limr.verifier.rules import Rules
from limr.verifier.values import (
    Based,
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
)

_NUMBERS = re.compile(r"\\in\s*\\mathbb\s*\{?\s*([NZQRC])\s*\}?\s*(?:\^\s*\{?\s*([+*-]))?")
_PAIRS: PairRules = {
    (Text, Text): scalars.same_text,
    (Text, Scalar): scalars.choice_letter,
    (Scalar, Scalar): scalars.same_scalar,
    (Ratio, Ratio): scalars.same_ratio,
    (Ratio, Scalar): scalars.ratio_scalar,
    (Based, Scalar): scalars.based_scalar,
    (Group, Group): elements.same_group,
    (Many, Many): elements.same_many,
    (Braces, Braces): elements.same_braces,
    (Braces, Many): elements.braces_many,
    (Braces, Scalar): elements.singleton,
    (Braces, Group): elements.singleton,
    (Matrix, Matrix): elements.same_matrix,
    (Matrix, Group): elements.vector_in_order,
    (Matrix, Many): elements.vector_in_order,
    (Group, Many): elements.group_many,
    (SetOperation, SetOperation): elements.same_union,
    (Labelled, Labelled): equations.same_labelled,
    (Labelled, Relation): equations.same_equation,
    (Relation, Scalar): equations.relation_scalar,
    (Relation, Relation): equations.same_relation,
}


def _over_other_numbers(a: str, b: str) -> bool:
    r"""Whether both name what something runs over (``k \in \mathbb Z``), and not the same."""
    sets = [{match[1] + (match[2] or "") for match in _NUMBERS.finditer(text)} for text in (a, b)]
    return bool(sets[0] and sets[1] and sets[0] != sets[1])


def equivalent(answer: str, gold: str, rules: Rules = Rules()) -> bool:  # noqa: B008 - frozen
    r"""Whether two answers are the same: as text, as exact numbers, or as values of one kind.

    Symmetric, and true of any text that is not blank with itself. Nothing in either text is ever
    evaluated as code, and every computation is bounded; what is too large to compute is not equal.

    Args:
        answer: One answer, bare LaTeX or plain text.
        gold: The other.
        rules: What counts as the same where graders disagree.

    Example:
        >>> equivalent(r"\frac{2}{4}", "0.5"), equivalent("0.333", r"\frac13")
        (True, False)
        >>> equivalent(r"[1, 2)", r"1 \le x < 2"), equivalent("(1, 2)", "(2, 1)")
        (True, False)
    """
    quick = quick_equivalent(answer, gold, rules)
    if quick is not None:
        return quick
    first, second = sorted((answer, gold))
    a, b = normalize(first), normalize(second)
    if not a or not b:
        return False
    if _over_other_numbers(first, second):
        return False
    if scalars.same_words(a, b, rules):
        return True
    run = Comparison(rules, _PAIRS)
    try:
        return any(run.same(x, y) for x in read_answer(a) for y in read_answer(b))
    except TooCostlyError:
        return False
