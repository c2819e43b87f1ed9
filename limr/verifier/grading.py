"""From a response to a verdict and its score, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from limr.types import Status, Verdict
from limr.verifier.checks import Checks
from limr.verifier.equivalence import equivalent
from limr.verifier.extract import extract_boxed
from limr.verifier.normalize import normalize
from limr.verifier.rules import Rules

Kind = Literal["answer", "response"]
"""What a text to grade is: a bare answer, or a whole response whose last box holds the answer."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The score of each status (LIMR, arXiv 2502.11886, section 2.4: +1, -0.5, -1)."""

    correct: float = 1.0
    """Well-formed, and the last boxed answer is the gold answer."""
    wrong: float = -0.5
    """Well-formed, and it is not."""
    malformed: float = -1.0
    """A malformed check failed, or nothing is in the box."""
    gold_unparsable: float = 0.0
    """The gold answer is empty: no fault of the response, so no reward either way."""
    timeout: float = -1.0
    """Grading took longer than its limit."""
    error: float = -1.0
    """Grading failed."""


def check_gold(gold: str, rules: Rules = Rules()) -> str | None:  # noqa: B008 - frozen
    """Why a gold answer cannot be graded against, or None when it can.

    A usable gold is not blank and is equivalent to itself after normalisation.
    """
    if not gold.strip():
        return "the gold answer is empty"
    if not normalize(gold):
        return f"nothing is left of the gold answer {gold!r} after normalisation"
    if not equivalent(f" {gold} ", normalize(gold), rules):
        return f"the gold answer {gold!r} does not equal itself"
    return None


def verify(
    response: str,
    gold: str,
    *,
    truncated: bool = False,
    scores: Scores | None = None,
    checks: Checks | None = None,
    rules: Rules | None = None,
) -> Verdict:
    r"""Grade one response in this process, without a time limit.

    Args:
        response: The whole response, without special tokens.
        gold: The gold answer, bare LaTeX.
        truncated: Whether the response was cut at the length limit.
        scores: The score of each status; None is the paper's.
        checks: The malformed checks; None is the paper's.
        rules: What counts as the same answer where graders disagree; None is the defaults.

    Example:
        >>> verify(r"So it is \boxed{\frac{2}{4}}.", "0.5")
        Verdict(status='correct', score=1.0, answer='\\frac{2}{4}', reason='')
        >>> verify("It is 0.5.", "0.5").reason
        'too_few_boxes'
    """
    scores = scores or Scores()
    opened = open_response(response, gold, truncated, scores, checks or Checks())
    if isinstance(opened, Verdict):
        return opened
    try:
        same = equivalent(opened, gold, rules or Rules())
    except Exception as error:  # a fault in grading is reported, it is never a wrong answer
        return verdict("error", scores, opened, f"{type(error).__name__}: {error}")
    return verdict("correct" if same else "wrong", scores, opened)


def open_response(
    response: str, gold: str, truncated: bool, scores: Scores, checks: Checks
) -> Verdict | str:
    """The boxed answer, or the verdict where there is none to compare; linear time."""
    if not gold.strip():
        return verdict("gold_unparsable", scores, extract_boxed(response), "the gold is empty")
    failed = checks.first_failure(response, truncated=truncated)
    answer = extract_boxed(response)
    if failed:
        return verdict("malformed", scores, answer, failed)
    if answer is None:
        return verdict("malformed", scores, None, "no_complete_box")
    if not answer:
        return verdict("malformed", scores, answer, "empty_box")
    return answer


def open_answer(text: str, gold: str, scores: Scores) -> Verdict | str:
    """A bare answer as it is to be compared, or the verdict where there is nothing to compare."""
    answer = text.strip()
    if not gold.strip():
        return verdict("gold_unparsable", scores, answer, "the gold is empty")
    if not answer:
        return verdict("malformed", scores, answer, "empty_answer")
    return answer


def verdict(status: Status, scores: Scores, answer: str | None, reason: str = "") -> Verdict:
    """A verdict with the score of its status."""
    return Verdict(
        status=status, score=float(getattr(scores, status)), answer=answer, reason=reason
    )
