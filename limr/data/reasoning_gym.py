"""Problems from Reasoning Gym's generators, kept to those our verifier can grade."""

import hashlib
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Literal

from limr.allocation import shares
from limr.data.rows import prompt_id
from limr.data.sources import ProblemSource
from limr.types import Problem

Split = Literal["train", "validation", "test"]

_PERCENT: dict[Split, range] = {
    "train": range(80),
    "validation": range(80, 90),
    "test": range(90, 100),
}
# Integers, fractions and decimals short enough to be exact.
_PLAIN_NUMBER = re.compile(r"-?\d+(/\d+|\.\d{1,6})?")
_DRAWS_PER_PROBLEM = 100


class ReasoningGymProblems(ProblemSource):
    """Problems from Reasoning Gym tasks with one plain number as the answer.

    Reasoning Gym draws item `i` from seed + i, so nearby seeds share items and a split by seed
    leaks. Here the prompt's own hash decides the split (80, 10 and 10 %): no prompt is in two
    splits, whatever seeds and sizes are used. Answers are graded by our verifier, not by the task.
    """

    def __init__(
        self,
        tasks: dict[str, float] | list[str],
        size: int,
        seed: int = 0,
        split: Split = "train",
    ) -> None:
        """Choose tasks; problems are drawn by `load`.

        Args:
            tasks: Reasoning Gym's names with their shares, or a list of names shared equally.
            size: Problems in all, without repeats.
            seed: Another seed draws other problems of the same split.
            split: Which of the three disjoint parts to draw from.

        Raises:
            ValueError: If there is no task, a share is not positive or `size` is below 1.
        """
        weights = tasks if isinstance(tasks, dict) else dict.fromkeys(tasks, 1.0)
        if not weights or min(weights.values()) <= 0:
            raise ValueError(f"tasks must name tasks with positive shares, got {tasks}")
        if size < 1:
            raise ValueError(f"size must be >= 1, got {size}")
        self.weights = weights
        self.size = size
        self.seed = seed
        self.split: Split = split

    def load(self) -> list[Problem]:
        """The problems, task by task.

        Raises:
            ValueError: If reasoning-gym is not installed, a task is unknown, or a task has too few
                distinct problems with a plain number as the answer.
        """
        return [
            problem
            for task, count in shares(self.weights, self.size).items()
            for problem in self._of_task(task, count)
        ]

    def _of_task(self, task: str, count: int) -> list[Problem]:
        problems: dict[str, Problem] = {}
        limit = 1000 + count * _DRAWS_PER_PROBLEM
        for item in _items(task, self.seed, limit):
            if len(problems) == count:
                break
            prompt, answer = str(item["question"]).strip(), str(item["answer"]).strip()
            if split_of(prompt) == self.split and _PLAIN_NUMBER.fullmatch(answer):
                name = f"reasoning-gym-{task}-{prompt_id(prompt)}"
                problems[name] = Problem(id=name, prompt=prompt, answer=answer, family=task)
        if len(problems) < count:
            raise ValueError(
                f"reasoning-gym task {task!r} gave {len(problems)} of {count} distinct "
                f"{self.split} problems with a plain number as the answer in {limit} draws; lower "
                "size or its share, or choose another task"
            )
        return list(problems.values())


def split_of(prompt: str) -> Split:
    """The one split that a prompt belongs to."""
    digest = hashlib.sha256(b"split" + prompt.strip().encode()).digest()
    percent = int.from_bytes(digest[:8], "big") % 100
    return next(split for split, part in _PERCENT.items() if percent in part)


def _items(task: str, seed: int, limit: int) -> Iterator[dict[str, Any]]:
    try:
        from reasoning_gym.factory import DATASETS, create_dataset
    except ImportError as error:
        raise ValueError(
            "ReasoningGymProblems needs the package reasoning-gym; install limr[reasoning-gym]"
        ) from error
    if task not in DATASETS:
        close = get_close_matches(task, DATASETS, n=3)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        raise ValueError(f"reasoning-gym has no task {task!r}{hint}")
    start = int.from_bytes(hashlib.sha256(f"{seed}/{task}".encode()).digest()[:4], "big") >> 1
    dataset = create_dataset(task, seed=start, size=limit)
    return (dataset[index] for index in range(limit))
