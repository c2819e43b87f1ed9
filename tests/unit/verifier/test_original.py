"""The rebuilt original reward: what it cannot reward, and what it takes for right."""

import json
import pickle
import sys

import pytest

from limr.verifier import OriginalReward, equivalent, original

math_verify = pytest.importorskip("math_verify", reason="needs limr[peers]")


def accepts(answer, gold):
    return original.original_equivalent(answer, gold)


@pytest.mark.parametrize(
    "gold",
    [
        r"\pi",
        r"\sqrt{7}",
        r"\dfrac{1}{2}",
        r"\frac{x}{2}",
        "x+y",
        "(3,4)",
        "[0,1)",
        r"\text{Tuesday}",
    ],
)
def test_golds_that_it_cannot_reward(gold):
    assert not accepts(gold, gold)
    assert equivalent(gold, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("2", r"2\sqrt{3}"),
        ("3", r"3\pi"),
        ("5", "x + 5"),
        ("7", "1, 7"),
        ("-1", "[-3, -1]"),
    ],
)
def test_wrong_answers_that_it_takes_for_right(answer, gold):
    assert accepts(answer, gold)
    assert not equivalent(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("12", "12.0", True),
        ("1/2", "0.5", True),
        (r"\frac{3}{4}", r"\frac{6}{8}", True),
        ("1,024", "1024", True),
        ("10", "11", False),
    ],
)
def test_plain_numbers_are_graded_rightly(answer, gold, same):
    assert accepts(answer, gold) is same


def test_shares_of_the_golds_that_are_known_of_the_original(shared_data):
    """9.9 % of its golds it cannot reward, and 12 % more it reads as something else."""
    rows = json.loads((shared_data / "limr/math.8k.json").read_text("utf-8"))
    golds = [row["answer"] for row in rows]
    unrewarded, misread = set(), set()
    for gold in {*golds}:
        if not accepts(gold, gold):
            unrewarded.add(gold)
        elif not equivalent(str(math_verify.parse(gold)[0]), gold):
            misread.add(gold)
    assert sum(gold in unrewarded for gold in golds) / 8523 == pytest.approx(0.099, abs=0.001)
    assert sum(gold in misread for gold in golds) / 8523 == pytest.approx(0.12, abs=0.005)
    assert {r"2\sqrt{3}", r"27\pi"} <= misread


def test_it_grades_in_workers_under_the_same_checks_and_limits():
    boxes = [r"\boxed{\pi}", r"\boxed{2}", "no box", r"\boxed{9^9^9^9}", r"\boxed{6/8}"]
    reward = OriginalReward(timeout_s=0.5)
    verdicts = reward.grade(boxes, [r"\pi", r"2\sqrt3", "5", "4", "0.75"], [False] * 5)
    reward.pool.close()
    assert [v.status for v in verdicts] == ["wrong", "correct", "malformed", "timeout", "correct"]
    assert [v.score for v in verdicts] == [-0.5, 1.0, -1.0, -1.0, 1.0]


def test_a_copied_pool_compares_in_the_same_way():
    twin = pickle.loads(pickle.dumps(OriginalReward().pool))
    assert twin.compare is original.original_equivalent


def test_without_math_verify_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "math_verify", None)
    original._math_verify.cache_clear()
    with pytest.raises(ValueError, match=r"install limr\[peers\]"):
        OriginalReward()
    original._math_verify.cache_clear()
