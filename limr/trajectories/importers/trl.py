"""TRL's rollouts (``log_completions``): ``completions_{step}.parquet``, one response in each row.

Columns are `step`, `prompt`, `completion`, one of rewards for each reward function under its name,
what that logged besides, and `advantage` (TRL 1.16). Prompts and completions are texts or
conversations. TRL dumps when it logs, so all of a run is there only with ``logging_steps: 1``; a
rollout that is used for several updates is dumped again for each.
"""

from typing import Any

from limr.tables import BadRowError, cell_of, number_of
from limr.trajectories.importers.steps import Dumped, StepFormat

_NO_REWARDS = {"step", "prompt", "completion", "advantage"}


def trl_format(reward_column: str | None = None) -> StepFormat:
    """What :func:`limr.trajectories.importers.steps.read_steps` needs to know.

    Args:
        reward_column: The reward function to go by; None takes the only one.
    """

    def parse(row: Any) -> Dumped:
        prompt = _text(cell_of(row, "prompt", "prompt"), role="user")
        return Dumped(
            prompt=prompt,
            score=number_of(row, reward_column or _only_reward(row), "reward"),
            response=_text(cell_of(row, "completion", "completion"), role="assistant"),
        )

    return StepFormat(r"completions_(\d+)\.parquet", parse, repeats=True)


def _only_reward(row: dict[str, Any]) -> str:
    columns = sorted({*row} - _NO_REWARDS)
    if len(columns) != 1:
        raise BadRowError(f"name one of the columns {columns} as reward_column")
    return columns[0]


def _text(value: Any, *, role: str) -> str:
    """A text as it is, or the last message of this role in a conversation."""
    if isinstance(value, str):
        return value
    messages = value if isinstance(value, list) else []
    texts = [m.get("content") for m in messages if isinstance(m, dict) and m.get("role") == role]
    if not texts or not isinstance(texts[-1], str):
        raise BadRowError(f"expected a text or messages, one by the {role}, found {value!r:.80}")
    return texts[-1]
