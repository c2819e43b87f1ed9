"""Rewards: what a training run grades its responses with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from limr.types import Verdict
from limr.verifier.checks import Checks
from limr.verifier.grading import Scores
from limr.verifier.pool import VerifierPool
from limr.verifier.rules import Rules


class Reward(ABC):
    """Grades responses; what a run's YAML names under ``reward``."""

    @abstractmethod
    def grade(
        self, responses: Sequence[str], golds: Sequence[str], truncated: Sequence[bool]
    ) -> list[Verdict]:
        """One verdict per response, in order.

        Args:
            responses: B texts, without special tokens.
            golds: B gold answers.
            truncated: B flags, True where a response was cut at the length limit.

        Raises:
            ValueError: If the three differ in length.
        """


class PooledReward(Reward):
    """Grades in the worker processes of a pool."""

    def __init__(self, pool: VerifierPool) -> None:
        self.pool = pool

    def __repr__(self) -> str:
        """Everything that verdicts depend on."""
        pool = self.pool
        return (
            f"{type(self).__name__}({pool.scores}, {pool.checks}, {pool.rules}, "
            f"timeout_s={pool.timeout_s})"
        )

    def grade(
        self, responses: Sequence[str], golds: Sequence[str], truncated: Sequence[bool]
    ) -> list[Verdict]:
        """One verdict per response, in order."""
        if not len(responses) == len(golds) == len(truncated):
            raise ValueError(
                "responses, golds and truncated must share one length, got "
                f"{len(responses)}, {len(golds)} and {len(truncated)}"
            )
        return self.pool.map(list(zip(responses, golds, strict=True)), truncated)


class RuleReward(PooledReward):
    """The rule-based reward of LIMR: well-formed and correct +1, wrong -0.5, malformed -1."""

    def __init__(
        self,
        scores: Scores = Scores(),  # noqa: B008 - frozen
        checks: Checks = Checks(),  # noqa: B008 - frozen
        workers: int = 1,
        timeout_s: float = 2.0,
        rules: Rules = Rules(),  # noqa: B008 - frozen
        memory_limit_mb: int | None = 1024,
    ) -> None:
        """Set up; workers start when the first answer needs them.

        Args:
            scores: The score of each status.
            checks: The malformed checks and their limits.
            workers: Processes that grade side by side.
            timeout_s: Seconds for one answer.
            rules: What counts as the same answer where graders disagree.
            memory_limit_mb: Megabytes of address space for each process; None is no limit.
        """
        super().__init__(
            VerifierPool(
                workers,
                timeout_s,
                scores=scores,
                checks=checks,
                rules=rules,
                memory_limit_mb=memory_limit_mb,
            )
        )
