import pickle

import pytest

from limr.verifier import Checks, RuleReward
from limr.verifier.trl import TRLReward


def call(reward, completions, **columns):
    """As TRL 1.16 does: keywords only, with more of them than a reward needs."""
    rest = {"trainer_state": object(), "log_extra": print}
    return reward(prompts=["?"] * len(completions), completions=completions, **columns, **rest)


def message(content, role="assistant"):
    return {"role": role, "content": content}


def test_texts_get_the_papers_scores_in_order():
    completions = [r"\boxed{x+x}", r"\boxed{3x}", "2x", r"\boxed{2}"]
    scores = call(TRLReward(), completions, answer=["2x", "2x", "2x", "2"])
    assert scores == [1.0, -0.5, -1.0, 1.0]


def test_golds_that_are_missing_get_none_and_numbers_are_texts():
    completions = [r"\boxed{2}"] * 4
    assert call(TRLReward(), completions, answer=["", None, 2, 2.0]) == [None, None, 1.0, 1.0]


def test_messages_are_graded_by_the_last_one():
    tool = [message("", "assistant"), message(r"\boxed{5}", "tool")]
    completions = [
        [message(r"\boxed{5}")],
        [message(r"\boxed{4}"), message("7", "tool"), message(r"\boxed{5}")],
        [{"content": r"\boxed{5}"}],
        [message([{"type": "text", "text": r"\boxed"}, {"type": "text", "text": "{5}"}])],
        tool,
        [message(None)],
    ]
    scores = call(TRLReward(), completions, answer=["5"] * 6)
    assert scores == [1.0, 1.0, 1.0, 1.0, -1.0, -1.0]


def test_the_gold_column_has_a_name():
    reward = TRLReward(gold_column="solution")
    assert call(reward, [r"\boxed{5}"], solution=["5"], answer=["6"]) == [1.0]
    with pytest.raises(ValueError, match=r"no gold column 'solution' among .*'answer'"):
        call(reward, [r"\boxed{5}"], answer=["5"])


def test_completions_that_do_not_end_are_truncated():
    reward = TRLReward(end_token_ids=[7, 0])
    ids = [[3, 7], [3, 4], [], [7, 0]]
    completions, golds = [r"\boxed{5}"] * 4, ["5"] * 4
    assert call(reward, completions, completion_ids=ids, answer=golds) == [1.0, -1.0, -1.0, 1.0]
    assert call(TRLReward(), completions, completion_ids=ids, answer=golds) == [1.0] * 4
    with pytest.raises(ValueError, match="got 4, 4 and 0"):
        call(reward, completions, answer=golds)


def test_the_share_of_each_status_is_logged():
    logged = {}
    completions, golds = [r"\boxed{5}", r"\boxed{5}", "5", r"\boxed{5}"], ["5", "6", "5", ""]
    call(TRLReward(), completions, answer=golds, log_metric=logged.__setitem__)
    assert logged == {
        "math_reward/correct": 0.25,
        "math_reward/wrong": 0.25,
        "math_reward/malformed": 0.25,
        "math_reward/gold_unparsable": 0.25,
        "math_reward/timeout": 0.0,
        "math_reward/error": 0.0,
    }


def test_trl_finds_a_name_and_can_send_it_to_other_processes():
    rule = RuleReward(checks=Checks(min_boxes=None, max_boxes=2))
    twin = pickle.loads(pickle.dumps(TRLReward(rule, gold_column="gold", end_token_ids=[1])))
    assert twin.__name__ == "math_reward"
    assert (twin.gold_column, twin.end_token_ids) == ("gold", {1})
    assert twin.reward.pool.checks == rule.pool.checks
