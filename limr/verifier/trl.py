"""A reward function as TRL's trainers call it; TRL itself is not needed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, get_args

from limr.types import Status
from limr.verifier.reward import Reward, RuleReward

Completion = str | Sequence[Mapping[str, Any]]
"""A text, or the messages of a chat."""


class TRLReward:
    r"""Scores completions for TRL's trainers: what ``GRPOTrainer(reward_funcs=...)`` takes.

    A completion whose gold answer is missing or empty gets None, which TRL leaves out of its group.
    All else gets its score, also what timed out or failed; the share of each status is logged as
    ``math_reward/<status>`` where TRL passes ``log_metric``.

    Example:
        >>> reward = TRLReward(gold_column="solution")
        >>> reward(completions=[r"\boxed{\frac24}", r"\boxed{2}"], solution=["0.5", ""])
        [1.0, None]
    """

    __name__ = "math_reward"  # TRL logs rewards/<name>

    def __init__(
        self,
        reward: Reward | None = None,
        *,
        gold_column: str = "answer",
        end_token_ids: Collection[int] = (),
    ) -> None:
        """Set up.

        Args:
            reward: Grades; None is the paper's :class:`RuleReward`.
            gold_column: The data set's column with the gold answers.
            end_token_ids: Token ids that end a completion, as a rule the tokenizer's
                end-of-sequence and padding tokens. One that ends otherwise was cut at the length
                limit; with no ids given none counts as cut.
        """
        self.reward = reward or RuleReward()
        self.gold_column = gold_column
        self.end_token_ids = frozenset(end_token_ids)

    def __call__(
        self,
        completions: Sequence[Completion],
        completion_ids: Sequence[Sequence[int]] = (),
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One score per completion, None where there is no gold answer.

        Args:
            completions: B texts, or B lists of messages of which the last is graded.
            completion_ids: Their B lists of token ids; needed with ``end_token_ids``.
            log_metric: Logs a number under a name.
            columns: The data set's columns, B entries each, and whatever else TRL passes.

        Raises:
            ValueError: If the gold column is not there, or the lengths differ.
        """
        if self.gold_column not in columns:
            raise ValueError(
                f"no gold column {self.gold_column!r} among {sorted(columns)}; set gold_column"
            )
        truncated = [False] * len(completions)
        if self.end_token_ids:
            truncated = [not ids or ids[-1] not in self.end_token_ids for ids in completion_ids]
        verdicts = self.reward.grade(
            [text_of(completion) for completion in completions],
            ["" if gold is None else str(gold) for gold in columns[self.gold_column]],
            truncated,
        )
        if log_metric is not None:
            counts = Counter(verdict.status for verdict in verdicts)
            for status in get_args(Status):
                log_metric(f"{self.__name__}/{status}", counts[status] / len(verdicts))
        return [None if v.status == "gold_unparsable" else v.score for v in verdicts]


def text_of(completion: Completion) -> str:
    """What is graded: the text, or the last message's if the model wrote it, else nothing."""
    if isinstance(completion, str):
        return completion
    last = completion[-1]
    if last.get("role", "assistant") != "assistant":
        return ""  # it ended on a tool's output, which is no answer
    content = last.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content)
