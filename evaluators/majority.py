"""Majority voting among a question's samples, by mathematical equivalence of their answers."""

from collections.abc import Callable, Sequence
from itertools import combinations

from limr.types import GradedResponses, Verdict

Pair = tuple[str, str]


def majority_correct(
    graded: GradedResponses, same: Callable[[list[Pair]], list[bool]]
) -> list[float]:
    """For each response, whether its question's most frequent answer is correct (maj@n).

    Correct responses form one class, for their answers all equal the gold answer. The others are
    compared with each other, and only where it can matter: some response is correct and at least as
    many are not. Responses without an answer do not vote. Classes of one size share the vote: with
    the correct one among t of them the value is 1 / t, the expectation of drawing one by lot.

    Args:
        graded: B responses, a question's samples side by side.
        same: Whether two answers are the same mathematics, for a list of pairs.

    Returns:
        B numbers in [0, 1], equal for all samples of a question.

    References:
        Self-consistency: Wang et al. 2023, https://arxiv.org/abs/2203.11171, section 2.
    """
    n = graded.samples_per_prompt
    questions = [graded.verdicts[i : i + n] for i in range(0, len(graded.verdicts), n)]
    rivals = [_rivals(verdicts) for verdicts in questions]
    pairs = [pair for answers in rivals for pair in combinations(sorted(set(answers)), 2)]
    equal = {pair for pair, is_same in zip(pairs, same(pairs), strict=True) if is_same}
    shares = []
    for verdicts, answers in zip(questions, rivals, strict=True):
        correct = sum(verdict.status == "correct" for verdict in verdicts)
        largest = max([correct, *class_sizes(answers, equal)])
        tied = [correct, *class_sizes(answers, equal)].count(largest)
        share = 1 / tied if correct and correct == largest else 0.0
        shares += [share] * len(verdicts)
    return shares


def _rivals(verdicts: Sequence[Verdict]) -> list[str]:
    """Answers that are not correct, none where they cannot change who wins."""
    correct = sum(verdict.status == "correct" for verdict in verdicts)
    wrong = [v.answer for v in verdicts if v.status != "correct" and v.answer is not None]
    return wrong if 0 < correct <= len(wrong) else []


def class_sizes(answers: Sequence[str], equal: set[Pair]) -> list[int]:
    """Sizes of the classes into which equal answers join, directly or through others.

    Args:
        answers: With repetitions, each a vote.
        equal: Pairs of answers that are the same, the lesser text first.

    Example:
        >>> class_sizes(["1/2", "0.5", "3", "0.5"], {("0.5", "1/2")})
        [3, 1]
    """
    classes: list[list[str]] = []
    for answer in answers:
        mine = [c for c in classes if any(_joined(answer, other, equal) for other in c)]
        rest = [c for c in classes if c not in mine]
        classes = [[*(other for c in mine for other in c), answer], *rest]
    return sorted((len(c) for c in classes), reverse=True)


def _joined(a: str, b: str, equal: set[Pair]) -> bool:
    return a == b or (min(a, b), max(a, b)) in equal
