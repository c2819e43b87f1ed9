import inspect

import pytest

from limr.verifier import Checks, Reward, RuleReward, Rules, Scores, check_gold, verify


def test_paper_scores():
    assert [verify(r, "5").score for r in (r"\boxed{5}", r"\boxed{6}", "5")] == [1.0, -0.5, -1.0]


@pytest.mark.parametrize(
    ("response", "gold", "status", "answer", "reason"),
    [
        (r"\boxed{5}", "5", "correct", "5", ""),
        (r"\boxed{10} no, \boxed{12}", "10", "wrong", "12", ""),
        ("5", "5", "malformed", None, "too_few_boxes"),
        (r"\boxed{5", "5", "malformed", None, "no_complete_box"),
        (r"\boxed{ }", "5", "malformed", "", "empty_box"),
        (r"\boxed{5}", "  ", "gold_unparsable", "5", "the gold is empty"),
        (r"\boxed{\text{yes}}", r"\text{Yes}", "correct", r"\text{yes}", ""),
    ],
)
def test_statuses(response, gold, status, answer, reason):
    verdict = verify(response, gold)
    assert (verdict.status, verdict.answer, verdict.reason) == (status, answer, reason)


def test_truncated_is_malformed_unless_switched_off():
    assert verify(r"\boxed{5}", "5", truncated=True).reason == "truncated"
    assert verify(r"\boxed{5}", "5", truncated=True, checks=Checks(ended=False)).score == 1.0


def test_scores_can_be_set():
    scores = Scores(correct=2.0, wrong=0.0)
    assert verify(r"\boxed{5}", "5", scores=scores).score == 2.0
    assert verify(r"\boxed{6}", "5", scores=scores).score == 0.0


def test_a_failure_of_the_comparison_is_an_error(monkeypatch):
    def fail(answer, gold, rules):
        raise RecursionError("too deep")

    monkeypatch.setattr("limr.verifier.grading.equivalent", fail)
    verdict = verify(r"\boxed{x}", "5")
    assert (verdict.status, verdict.score) == ("error", -1.0)
    assert verdict.reason == "RecursionError: too deep"


def test_check_gold():
    assert check_gold(r"\frac12") is None
    assert check_gold(r"\text{Evelyn}") is None
    assert "empty" in check_gold(" ")
    assert "normalisation" in check_gold("$$")


def test_rule_reward_grades_in_order():
    reward = RuleReward()
    verdicts = reward.grade(
        [r"\boxed{1+x}", "no box", r"\boxed{3}", r"\boxed{4}"],
        ["x+1", "2", "3", "4"],
        [False, False, False, True],
    )
    reward.pool.close()
    assert [v.status for v in verdicts] == ["correct", "malformed", "correct", "malformed"]
    assert [v.score for v in verdicts] == [1.0, -1.0, 1.0, -1.0]


def test_rule_reward_sets_up_its_pool():
    settings = {
        "scores": Scores(wrong=0.0),
        "checks": Checks(max_boxes=1),
        "workers": 3,
        "timeout_s": 0.7,
        "rules": Rules(ignore_case=False),
        "memory_limit_mb": None,
    }
    pool = RuleReward(**settings).pool
    assert {name: getattr(pool, name) for name in settings} == settings


def test_rule_reward_checks_lengths():
    with pytest.raises(ValueError, match="got 1, 2 and 1"):
        RuleReward().grade(["a"], ["a", "b"], [False])


def test_reward_is_abstract():
    assert inspect.isabstract(Reward)
