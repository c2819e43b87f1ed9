from itertools import combinations

import numpy as np
import pytest
import scipy.stats
import torch
from graded_toys import graded

from evaluators.metrics import (
    BenchmarkMetrics,
    numbers_tried,
    pass_at_k,
    question_key,
    question_means,
    summarise,
)


def values(summary):
    return {name: estimate.value for name, estimate in summary.measures.items()}


def added(metric, batch, **kwargs):
    """Adds a batch whose wrong answers never win a vote."""
    metric.update(batch, [float(v.status == "correct") for v in batch.verdicts], **kwargs)
    return metric


def test_summary_by_hand():
    # a: 1 of 2 correct; b: 0 of 2, both malformed; c: 2 of 2, one truncated
    metric = added(
        BenchmarkMetrics(),
        graded(
            ["correct", "wrong", "malformed", "malformed", "correct", "correct"],
            lengths=[1, 3, 5, 7, 10, 40],
            truncated=[False, False, False, False, False, True],
            samples_per_prompt=2,
        ),
    )
    summary = metric.compute()
    assert (summary.questions, summary.responses) == (3, 6)
    assert values(summary) == pytest.approx(
        {
            "accuracy": (0.5 + 0.0 + 1.0) / 3,
            "format_rate": 2 / 3,
            "truncated": 0.5 / 3,
            "response_length": (2 + 6 + 25) / 3,
            "pass_at_2": 2 / 3,
            "maj_at_2": (0.5 + 0.0 + 1.0) / 3,
        }
    )
    assert all(e.low < e.value < e.high for e in summary.measures.values())


def test_a_question_counts_once_however_many_samples_it_has():
    metric = BenchmarkMetrics()
    added(metric, graded(["correct", "correct", "correct", "wrong"], ids=["a", "a", "a", "b"]))
    assert values(metric.compute())["accuracy"] == 0.5


@pytest.mark.parametrize("status", ["timeout", "error", "gold_unparsable"])
def test_what_could_not_be_judged_is_not_correct_but_well_formed(status):
    metric = BenchmarkMetrics()
    added(metric, graded([status, "correct"]))
    assert values(metric.compute())["accuracy"] == 0.5
    assert values(metric.compute())["format_rate"] == 1.0


def test_batches_add_up():
    whole, parts = BenchmarkMetrics(), BenchmarkMetrics()
    statuses = ["correct", "wrong", "malformed", "correct", "wrong"]
    added(whole, graded(statuses))
    added(parts, graded(statuses[:2], ids=["p0", "p1"]))
    added(parts, graded(statuses[2:], ids=["p2", "p3", "p4"]))
    assert parts.compute() == whole.compute()


def test_keep_picks_responses():
    metric = BenchmarkMetrics()
    added(metric, graded(["correct", "wrong", "wrong"]), keep=[True, True, False])
    assert values(metric.compute())["accuracy"] == 0.5


def test_nothing_is_refused():
    metric = BenchmarkMetrics()
    added(metric, graded([]))
    with pytest.raises(ValueError, match="no responses"):
        metric.compute()


def test_question_means_of_columns():
    columns = np.array([[1.0, 10.0], [0.0, 20.0], [1.0, 30.0]])
    means = question_means(columns, np.array([5, 5, -2]))
    assert means.tolist() == [[1.0, 30.0], [0.5, 15.0]]


def test_question_keys_are_stable_and_distinct():
    # printf aime-1 | b2sum -l 64, read as a signed integer
    assert question_key("aime-1") == 1389141308236187992
    keys = {question_key(f"p{i}") for i in range(1000)}
    assert len(keys) == 1000
    torch.tensor(list(keys), dtype=torch.int64)


def test_one_sample_per_question_takes_wilson():
    summary = summarise(np.arange(8), np.zeros((8, 5)))
    expected = scipy.stats.binomtest(0, 8).proportion_ci(0.95, method="wilson")
    assert summary.measures["accuracy"] == pytest.approx((0.0, 0.0, expected.high))
    assert not [name for name in summary.measures if "_at_" in name]


@pytest.mark.parametrize("n", [1, 4, 7])
def test_pass_at_k_is_the_share_of_all_choices_of_k_that_hold_a_correct_one(n):
    for c in range(n + 1):
        for k in range(1, n + 1):
            draws = list(combinations([True] * c + [False] * (n - c), k))
            expected = sum(map(any, draws)) / len(draws)
            found = pass_at_k(np.array([float(c)]), np.array([float(n)]), k)
            assert found == pytest.approx([expected], abs=1e-12)


def test_pass_at_k_of_many_samples_keeps_its_digits():
    # 1 - C(255, 128) / C(256, 128) = 1/2
    assert pass_at_k(np.array([1.0]), np.array([256.0]), 128) == pytest.approx([0.5], abs=1e-12)


def test_pass_at_one_is_the_accuracy():
    correct, samples = np.array([0.0, 3.0, 8.0]), np.array([8.0, 8.0, 8.0])
    assert pass_at_k(correct, samples, 1) == pytest.approx(correct / samples)


@pytest.mark.parametrize(("n", "expected"), [(1, []), (2, [2]), (4, [2, 4]), (5, [2, 4, 5])])
def test_the_numbers_tried_end_with_all_samples(n, expected):
    assert numbers_tried(n) == expected


def test_the_majority_may_be_wrong_where_a_sample_is_right():
    metric = BenchmarkMetrics()
    metric.update(graded(["correct", "wrong", "wrong"], samples_per_prompt=3), [0.0, 0.0, 0.0])
    found = values(metric.compute())
    assert found["maj_at_3"] == 0.0
    assert found["pass_at_3"] == 1.0
    assert found["pass_at_2"] == pytest.approx(2 / 3)


def test_votes_must_match_the_responses():
    with pytest.raises(ValueError, match="shorter"):
        BenchmarkMetrics().update(graded(["correct", "wrong"]), [1.0])
