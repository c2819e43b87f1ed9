from collections import Counter
from dataclasses import replace

import pytest

from limr.training.metrics import rollout_metrics
from limr.types import Verdict
from limr.verifier import MALFORMED, RuleReward

STATUSES = ("correct", "wrong", "malformed", "gold_unparsable", "timeout", "error")


def judged(rollout, verdicts):
    return replace(rollout, graded=replace(rollout.graded, verdicts=tuple(verdicts)))


def test_each_status_has_its_own_share_and_together_they_are_one(make_rollout):
    counts = {"correct": 1, "wrong": 1, "malformed": 2, "timeout": 3, "error": 1}
    verdicts = [Verdict(status=s, score=0.0) for s in Counter(counts).elements()]
    metrics = rollout_metrics(judged(make_rollout([0.0] * 8, 3, 2), verdicts))
    shares = {status: metrics[f"reward/{status}"] for status in STATUSES}
    assert shares == {
        "correct": 0.125,
        "wrong": 0.125,
        "malformed": 0.25,
        "gold_unparsable": 0.0,
        "timeout": 0.375,
        "error": 0.125,
    }
    assert sum(shares.values()) == 1.0


def test_every_malformed_reason_has_its_own_share(make_rollout):
    responses = {
        "truncated": r"\boxed{5}",
        "too_few_boxes": "5",
        "too_many_boxes": r"\boxed{5}" * 5,
        "strange_characters": r"\boxed{5}" + "\u2600" * 9,
        "repetition": r"\boxed{5}" + "so it is " * 5,
        "no_complete_box": r"\boxed{5",
        "empty_box": r"\boxed{ }",
    }
    texts = [*responses.values(), r"\boxed{5}"]
    verdicts = RuleReward().grade(texts, ["5"] * 8, [True] + [False] * 7)
    metrics = rollout_metrics(judged(make_rollout([0.0] * 8, 3, 2), verdicts))
    assert {name: metrics[f"reward/malformed_{name}"] for name in responses} == dict.fromkeys(
        responses, 0.125
    )
    assert tuple(responses) == MALFORMED
    assert metrics["reward/malformed"] == 0.875


def test_the_rest_of_a_rollout(make_rollout):
    metrics = rollout_metrics(make_rollout([1.0, -0.5, 1.0, -0.5], 3, 5))
    assert metrics["reward/score_mean"] == pytest.approx(0.25)
    assert metrics["reward/score_std"] == pytest.approx(0.75)
    assert metrics["reward/truncated"] == 0.5
    assert metrics["response/length"] == 5
