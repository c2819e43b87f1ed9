"""Seeded sets of generated problems, disjoint across splits by construction.

A hash of a problem's prompt decides its split, so no prompt can stand in two splits whatever the
seeds and sizes: the supervised corpus (``warmup``), the reinforcement problems (``train``),
``validation``, ``test`` and ``unseen`` (compositions that stand in none of the others).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from limr.allocation import shares
from limr.data.generated.families import FAMILIES, Draft
from limr.data.sources import ProblemSource
from limr.types import Problem

SPLIT_PERCENT: Mapping[str, range] = MappingProxyType(
    {
        "warmup": range(0, 55),
        "train": range(55, 75),
        "validation": range(75, 85),
        "test": range(85, 100),
        "unseen": range(85, 100),
    }
)
"""The percentiles of the prompt hash that belong to each split; test and unseen share no family."""

DEFAULT_MIX: Mapping[str, float] = MappingProxyType(
    {
        "pair": 0.08,
        "select": 0.06,
        "chain": 0.09,
        "carry": 0.07,
        "mixed": 0.07,
        "select_chain": 0.06,
        "select_mixed": 0.05,
        "product_chain": 0.07,
        "product_carry": 0.06,
        "digits": 0.07,
        "digits_chain": 0.07,
        "digits_carry": 0.05,
        "equation": 0.06,
        "word": 0.06,
        "big_product": 0.04,
        "riddle": 0.04,
    }
)
"""Family shares outside ``unseen``: 14 % easy, 78 % middle, 4 % hard, 4 % impossible."""

UNSEEN_MIX: Mapping[str, float] = MappingProxyType({"product_mixed": 0.5, "digits_mixed": 0.5})
"""Family shares of ``unseen``."""

_MAX_VAIN_DRAWS = 50_000
"""Draws in a row without a new problem after which a family counts as exhausted."""


class GeneratedProblems(ProblemSource):
    """Arithmetic problems drawn from a seed; the same arguments give the same bytes anywhere.

    Args:
        split: warmup, train, validation, test or unseen; no prompt stands in two of them.
        size: Number of problems.
        seed: Chooses the problems within the split.
        mix: Share of each family, any positive scale; by default 14 % easy, 78 % middle, 4 % hard
            (three-digit products) and 4 % impossible (a number is missing). ``unseen`` has its own
            families, which no other split may use.
        mislabelled: Share of the solvable problems whose gold answer is wrong; their level reads
            ``mislabelled``.

    Raises:
        ValueError: An argument is out of range, or names a family that the split may not use.
    """

    def __init__(
        self,
        split: str = "train",
        size: int = 512,
        seed: int = 0,
        mix: dict[str, float] | None = None,
        mislabelled: float = 0.0,
    ) -> None:
        if split not in SPLIT_PERCENT:
            raise ValueError(f"split must be one of {', '.join(SPLIT_PERCENT)}, got {split!r}")
        if size < 1:
            raise ValueError(f"size must be >= 1, got {size}")
        if not 0 <= mislabelled < 1:
            raise ValueError(f"mislabelled must be in [0, 1), got {mislabelled}")
        self.split = split
        self.size = size
        self.seed = seed
        self.mix = dict(mix or (UNSEEN_MIX if split == "unseen" else DEFAULT_MIX))
        self.mislabelled = mislabelled
        _check_mix(self.mix, split)

    def load(self) -> list[Problem]:
        """The problems, families shuffled."""
        rng = random.Random(f"limr/{self.split}/{self.seed}")
        problems: list[Problem] = []
        weights = {family: self.mix[family] for family in FAMILIES if self.mix.get(family)}
        for family, count in shares(weights, self.size).items():
            problems += _draw_family(family, self.split, count, self.seed)
        problems = _mislabel(problems, self.mislabelled, rng)
        rng.shuffle(problems)
        return problems


def split_percentile(prompt: str) -> int:
    """The percentile (0 to 99) that decides which splits a prompt may stand in.

    >>> split_percentile("3+4=") == split_percentile("3+4=")
    True
    """
    return int(_digest(prompt), 16) % 100


def _id(family: str, prompt: str, answer: str) -> str:
    """Prompt and gold answer make a problem: the same one has the same id in every set."""
    return f"{family}-{_digest(f'{prompt}|{answer}')[:16]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check_mix(mix: Mapping[str, float], split: str) -> None:
    for family, share in mix.items():
        if family not in FAMILIES:
            raise ValueError(f"mix: unknown family {family!r}; known: {', '.join(FAMILIES)}")
        if (FAMILIES[family].level == "unseen") != (split == "unseen"):
            raise ValueError(f"mix: family {family!r} may not stand in split {split!r}")
        if share < 0:
            raise ValueError(f"mix: the share of {family!r} must be >= 0, got {share}")
    if not sum(mix.values()) > 0:
        raise ValueError("mix: at least one family needs a positive share")


def _draw_family(family: str, split: str, count: int, seed: int) -> Iterable[Problem]:
    """``count`` problems of one family with distinct prompts that belong to the split."""
    rng = random.Random(f"limr/{split}/{seed}/{family}")
    found: dict[str, Draft] = {}
    percent = SPLIT_PERCENT[split]
    vain_draws = 0
    while len(found) < count and vain_draws < _MAX_VAIN_DRAWS:
        draft = FAMILIES[family].draw(rng)
        vain_draws += 1
        if draft.prompt not in found and split_percentile(draft.prompt) in percent:
            found[draft.prompt] = draft
            vain_draws = 0
    if len(found) < count:
        raise ValueError(
            f"size: found only {len(found)} of {count} distinct {family!r} problems in split "
            f"{split!r}; ask for fewer or lower the family's share in mix"
        )
    return [_problem(family, draft) for draft in found.values()]


def _problem(family: str, draft: Draft) -> Problem:
    return Problem(
        id=_id(family, draft.prompt, draft.answer),
        prompt=draft.prompt,
        answer=draft.answer,
        family=family,
        level=FAMILIES[family].level,
        solution=draft.solution,
    )


def _mislabel(problems: list[Problem], share: float, rng: random.Random) -> list[Problem]:
    """Give a share of the solvable problems a wrong gold answer and no solution."""
    solvable = [index for index, problem in enumerate(problems) if problem.solution]
    for index in rng.sample(solvable, round(share * len(solvable))):
        right = problems[index]
        wrong = str(int(right.answer) + rng.randint(1, 9))
        problems[index] = Problem(
            id=_id(right.family, right.prompt, wrong),
            prompt=right.prompt,
            answer=wrong,
            family=right.family,
            level="mislabelled",
        )
    return problems
