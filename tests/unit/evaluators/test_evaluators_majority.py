from dataclasses import replace

import pytest
from graded_toys import graded

from evaluators.majority import class_sizes, majority_correct
from limr.types import Verdict
from limr.verifier import VerifierPool


def votes(*questions):
    """A batch; each question is a text of answers, of which "7" is correct and "-" is none."""
    samples = len(questions[0])
    answers = [answer for question in questions for answer in question]
    batch = graded(["wrong"] * len(answers), samples_per_prompt=samples)
    verdicts = tuple(
        Verdict(status="correct", score=1.0, answer=answer)
        if answer == "7"
        else Verdict(status="wrong", score=-0.5, answer=None if answer == "-" else answer)
        for answer in answers
    )
    return replace(batch, verdicts=verdicts)


class Ask:
    """Says which answers are the same and remembers what it was asked."""

    def __init__(self, *same):
        self.same, self.asked = set(same), []

    def __call__(self, pairs):
        self.asked += pairs
        return [pair in self.same for pair in pairs]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["7", "7", "8"], 1.0),
        (["7", "8", "8"], 0.0),
        (["7", "7", "8", "8"], 0.5),
        (["7", "8", "9"], 1 / 3),
        (["8", "8", "9"], 0.0),
        (["7", "-", "-"], 1.0),
        (["-", "-", "-"], 0.0),
    ],
)
def test_the_most_frequent_answer_wins_and_ties_are_shared(answers, expected):
    assert majority_correct(votes(answers), Ask()) == pytest.approx([expected] * len(answers))


def test_equal_wrong_answers_vote_together_whatever_they_look_like():
    batch = votes(["7", "7", "8", "8.0", "16/2"])
    assert majority_correct(batch, Ask()) == [1.0] * 5
    assert majority_correct(batch, Ask(("8", "8.0"), ("16/2", "8"))) == [0.0] * 5


def test_answers_are_compared_only_where_it_can_matter():
    ask = Ask()
    batch = votes(["7", "7", "8"], ["8", "9", "10"], ["7", "8", "9"])
    assert majority_correct(batch, ask) == pytest.approx([1.0] * 3 + [0.0] * 3 + [1 / 3] * 3)
    assert ask.asked == [("8", "9")]


def test_the_verifier_tells_equal_mathematics():
    batch = votes(["7", "7", "1/2", r"\frac12", "0.5", "3"])
    with VerifierPool() as pool:

        def same(pairs):
            verdicts = pool.map(pairs, kinds=["answer"] * len(pairs))
            return [verdict.status == "correct" for verdict in verdicts]

        assert majority_correct(batch, same) == [0.0] * 6


def test_classes_join_through_a_third():
    assert class_sizes(["a", "c", "b", "d"], {("a", "b"), ("b", "c")}) == [3, 1]
    assert class_sizes([], set()) == []
