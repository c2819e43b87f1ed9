"""Generated problem sets: the same bytes anywhere, disjoint, and right."""

import hashlib
import math
import random
import re

import pytest

from limr.data.generated import DEFAULT_MIX, FAMILIES, SPLIT_PERCENT, GeneratedProblems
from limr.types import Problem

PINNED_TRAIN = "f6db8c76892b237d59e001b7a215bcd72ed3496778ba2a0c8a9f2ba556d05600"
PINNED_UNSEEN = "3d43aee53e5c8e273e4cd61a677c3a419cbc340aeb2fe3227f4b107c3ef071ab"
ALL_SPLITS = tuple(SPLIT_PERCENT)
RNG = random.Random(0)
STEP = re.compile(r"([+*/-])(\d+)=(\d+)")


def digest(problems: list[Problem]) -> str:
    rows = [f"{p.id}|{p.prompt}|{p.answer}|{p.level}|{p.solution}" for p in problems]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def test_a_seed_pins_every_byte():
    assert digest(GeneratedProblems("train", 256, seed=0).load()) == PINNED_TRAIN
    assert digest(GeneratedProblems("unseen", 64, seed=3).load()) == PINNED_UNSEEN


def test_another_seed_gives_other_problems():
    first = {p.prompt for p in GeneratedProblems("train", 200, seed=0).load()}
    second = {p.prompt for p in GeneratedProblems("train", 200, seed=1).load()}
    assert len(first - second) > 50


def test_no_prompt_stands_in_two_splits_and_none_twice_in_one():
    seen: set[str] = set()
    for split in ALL_SPLITS:
        for_split = set[str]()
        for seed in range(3):
            problems = GeneratedProblems(split, 1000, seed=seed).load()
            prompts = {p.prompt for p in problems}
            assert len(prompts) == len({p.id for p in problems}) == 1000
            for_split |= prompts
        assert not seen & for_split
        seen |= for_split


def test_ids_do_not_depend_on_seed_or_size():
    mix = {"equation": 1.0}
    small = {p.prompt: p.id for p in GeneratedProblems("test", 80, seed=1, mix=mix).load()}
    large = {p.prompt: p.id for p in GeneratedProblems("test", 150, seed=2, mix=mix).load()}
    shared = small.keys() & large.keys()
    assert len(shared) > 10
    assert all(small[prompt] == large[prompt] for prompt in shared)


@pytest.mark.parametrize("split", ALL_SPLITS)
def test_every_written_step_is_true_and_leads_to_the_answer(split: str):
    for problem in GeneratedProblems(split, 600, seed=5).load():
        if not problem.solution:
            assert FAMILIES[problem.family].level in ("hard", "impossible")
            continue
        steps, boxed = re.fullmatch(r"(.*)\\boxed\{(\d+)\}", problem.solution).groups()
        value = re.match(r"\d+", steps)[0]
        written = STEP.findall(steps)
        assert value + "".join(f"{a}{b}={c}" for a, b, c in written) == steps
        for operator, operand, result in written:
            assert eval(f"{value}{operator}{operand}") == int(result)
            value = result
        assert value == boxed == problem.answer


def independent_answer(problem: Problem) -> int:
    """The answer from the prompt alone, by Python's own arithmetic or by trying every number."""
    prompt = problem.prompt
    if problem.family == "equation":
        left, right = prompt.removesuffix(",x=").split("=")
        left = left.replace("x", "*x")
        (root,) = (x for x in range(100) if eval(left, {"x": x}) == int(right))
        return root
    if problem.family == "word":
        total, *deeds = (int(n) for n in re.findall(r"\d+", prompt))
        signs = [
            1 if w in ("gets", "buys", "finds") else -1 for w in re.findall(r", (\w+)", prompt)
        ]
        return total + sum(s * n for s, n in zip(signs, deeds, strict=True))
    names = {"sum": lambda number: sum(map(int, str(number))), "max": max, "min": min}
    names["gcd"] = math.gcd
    return eval(prompt.removesuffix("=").replace("mod", "%"), names)


@pytest.mark.parametrize("split", ["train", "unseen"])
def test_gold_answers_agree_with_an_independent_evaluation(split: str):
    solvable = [p for p in GeneratedProblems(split, 800, seed=2).load() if p.level != "impossible"]
    assert len(solvable) > 700
    for problem in solvable:
        assert independent_answer(problem) == int(problem.answer), problem


@pytest.mark.parametrize("family", ["mod", "gcd"])
def test_families_outside_the_default_mix_are_right_step_by_step(family):
    assert family not in DEFAULT_MIX
    problems = GeneratedProblems("train", 60, mix={family: 1.0}).load()
    for problem in problems:
        assert independent_answer(problem) == int(problem.answer)
        steps, boxed = re.fullmatch(r"(.*)\\boxed\{(\d+)\}", problem.solution).groups()
        assert boxed == problem.answer
        for step in steps.split(","):
            left, right = step.split("=")
            assert eval(left) == int(right)
    prompt = {"mod": "87 mod 9=", "gcd": "gcd(48,18)="}[family]
    drawn = next(d for d in iter(lambda: FAMILIES[family].draw(RNG), None) if d.prompt == prompt)
    expected = {"mod": "87-81=6\\boxed{6}", "gcd": "48-36=12,18-12=6,12-12=0\\boxed{6}"}
    assert drawn.solution == expected[family]


def test_one_id_has_one_prompt_and_one_gold_over_all_seeds():
    golds = {}
    for seed in range(20):
        for p in GeneratedProblems("train", 100, seed, mislabelled=0.2).load():
            assert golds.setdefault(p.id, (p.prompt, p.answer)) == (p.prompt, p.answer)


def test_impossible_problems_lack_a_number():
    riddles = GeneratedProblems("train", 50, mix={"riddle": 1.0}).load()
    assert all(p.level == "impossible" and " some " in p.prompt for p in riddles)


def test_mix_sets_whole_number_shares():
    problems = GeneratedProblems("train", 10, mix={"pair": 1, "digits": 2}).load()
    families = [p.family for p in problems]
    assert (families.count("pair"), families.count("digits")) == (3, 7)


def test_mislabelled_problems_are_flagged_and_wrong():
    mix = {"chain": 1.0}
    clean = {p.prompt: p for p in GeneratedProblems("train", 40, mix=mix).load()}
    noisy = GeneratedProblems("train", 40, mix=mix, mislabelled=0.25).load()
    wrong = [p for p in noisy if p.level == "mislabelled"]
    assert len(wrong) == 10
    assert all(p.answer != clean[p.prompt].answer and not p.solution for p in wrong)
    assert all(p == clean[p.prompt] for p in noisy if p.level != "mislabelled")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "dev"}, "split must be one of warmup, train"),
        ({"size": 0}, "size must be >= 1"),
        ({"mislabelled": 1.0}, r"mislabelled must be in \[0, 1\)"),
        ({"mix": {"sums": 1.0}}, "unknown family 'sums'"),
        ({"mix": {"digits_mixed": 1.0}}, "may not stand in split 'train'"),
        ({"split": "unseen", "mix": {"chain": 1.0}}, "may not stand in split 'unseen'"),
        ({"mix": {"chain": -1.0}}, "must be >= 0"),
        ({"mix": {"chain": 0.0}}, "at least one family"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        GeneratedProblems(**arguments)


def test_a_family_too_small_for_the_size_is_refused():
    with pytest.raises(ValueError, match="distinct 'equation' problems in split 'train'"):
        GeneratedProblems("train", 1000, mix={"equation": 1.0}).load()
