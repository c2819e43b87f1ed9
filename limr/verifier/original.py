r"""The reward that LIMR was trained with, rebuilt for comparisons.

Its reward server (the release's openrlhf/cli/serve_rm.py, ``--mode rule``) hands answer and gold to
math-verify as bare text. math-verify reads LaTeX between dollar signs; without any it falls back on
the last plain number, or sum of numbers, that it finds. So ``2\sqrt{3}`` is read as 2, and nothing
is left of ``\pi``, which then does not equal itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from limr.verifier.checks import Checks
from limr.verifier.grading import Scores
from limr.verifier.pool import VerifierPool
from limr.verifier.reward import PooledReward


class OriginalReward(PooledReward):
    """LIMR's own comparison of answers; box, malformed checks and scores are those of RuleReward.

    For comparisons: it can never reward about one in ten of LIMR's training golds, and takes
    answers for right that share only a number with the gold. Needs the package math-verify.
    """

    def __init__(
        self,
        scores: Scores = Scores(),  # noqa: B008 - frozen
        checks: Checks = Checks(),  # noqa: B008 - frozen
        workers: int = 1,
        timeout_s: float = 2.0,
    ) -> None:
        """Set up; workers start when the first answer needs them.

        Args:
            scores: The score of each status.
            checks: The malformed checks and their limits.
            workers: Processes that grade side by side.
            timeout_s: Seconds for one answer.

        Raises:
            ValueError: If math-verify is not installed.
        """
        _math_verify()
        super().__init__(
            VerifierPool(
                workers, timeout_s, scores=scores, checks=checks, compare=original_equivalent
            )
        )


def original_equivalent(answer: str, gold: str) -> bool:
    """Whether math-verify finds the bare answer equal to the bare gold; without a limit of time.

    Raises:
        ValueError: If math-verify is not installed.
    """
    parse, verify = _math_verify()
    gold_values, values = (parse(text, parsing_timeout=None) for text in (gold, answer))
    return bool(verify(gold_values, values, timeout_seconds=None))


@cache
def _math_verify() -> tuple[Callable[..., list[Any]], Callable[..., bool]]:
    """Its ``parse`` and ``verify``, without their warning that no time limit is set."""
    try:
        from math_verify import parse, verify
    except ImportError as error:
        raise ValueError(
            "the original reward needs the package math-verify; install limr[peers]"
        ) from error
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    return parse, verify
