import re
import sys
from collections import Counter
from math import gcd

import pytest

from limr.data import ReasoningGymProblems
from limr.data.reasoning_gym import split_of


@pytest.fixture(autouse=True)
def _installed():
    pytest.importorskip("reasoning_gym")


def draw(split="train", size=60, seed=1, tasks=("gcd", "chain_sum")):
    return ReasoningGymProblems(list(tasks), size=size, seed=seed, split=split).load()


def test_problems_are_distinct_repeatable_and_right():
    problems = draw()
    assert problems == draw()
    assert Counter(p.family for p in problems) == {"gcd": 30, "chain_sum": 30}
    assert len({p.id for p in problems}) == len({p.prompt for p in problems}) == 60
    for problem in problems:
        if problem.family == "gcd":
            numbers = [int(n) for n in re.findall(r"\d+", problem.prompt)]
            assert gcd(*numbers) == int(problem.answer)


def test_no_prompt_is_in_two_splits_whatever_the_seeds():
    drawn = {
        split: {p.prompt for seed in (1, 2, 3) for p in draw(split, seed=seed)}
        for split in ("train", "validation", "test")
    }
    for split, prompts in drawn.items():
        assert {split_of(prompt) for prompt in prompts} == {split}
    assert len(set.union(*drawn.values())) == sum(len(prompts) for prompts in drawn.values())


def test_seeds_draw_different_problems():
    first, second = ({p.id for p in draw(seed=seed)} for seed in (1, 2))
    assert len(first & second) < 10


def test_only_plain_numbers_are_answers():
    problems = draw(tasks=["fraction_simplification", "base_conversion"], size=40)
    assert all(re.fullmatch(r"-?\d+(/\d+|\.\d+)?", p.answer) for p in problems)
    assert any("/" in p.answer for p in problems)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (["gdc"], "no task 'gdc'; did you mean gcd"),
        (["calendar_arithmetic", "knights_knaves"], "task 'knights_knaves' gave 0 of 5 distinct"),
    ],
)
def test_unusable_tasks_are_refused(tasks, message):
    with pytest.raises(ValueError, match=message):
        draw(tasks=tasks, size=10)


@pytest.mark.parametrize(
    "arguments", [{"tasks": []}, {"tasks": {"gcd": 0.0}}, {"tasks": ["gcd"], "size": 0}]
)
def test_bad_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=r"tasks must name|size must be"):
        ReasoningGymProblems(**{"size": 1, **arguments})


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", None)
    with pytest.raises(ValueError, match=r"install limr\[reasoning-gym\]"):
        draw()
