"""How long a run is: rollouts, optimizer steps and visits of each problem."""

from dataclasses import dataclass
from typing import Any

from limr.training.schedule import planned_steps


@dataclass(frozen=True, kw_only=True)
class Length:
    """A run's counts. Those that follow from the number of problems are None without it."""

    problems: int | None
    updates_per_rollout: int
    rollouts: int | None
    optimizer_steps: int | None
    visits_per_problem: float | None
    """Rollouts of a problem's prompt, the mean over problems."""


def plan_length(run: dict[str, Any], problems: int | None) -> Length:
    """The length of a PPO run with every default filled in.

    Raises:
        ValueError: If there are fewer problems than a rollout needs and short ones are left out.
    """
    args, data, trainer = run["model"]["init_args"], run["data"]["init_args"], run["trainer"]
    prompts = data["rollout_batch_size"]
    responses = prompts * args["sampling"]["samples_per_prompt"]
    ppo = args["ppo"]
    updates = ppo["ppo_epochs"] * -(-responses // ppo["minibatch_size"])
    epochs, max_steps = trainer.get("max_epochs"), trainer.get("max_steps", -1)
    planned = None
    if problems is not None and epochs is not None and epochs >= 0:
        planned = epochs * rollouts_per_epoch(problems, prompts, data["coverage"])
    if planned is None and max_steps < 0:
        return Length(
            problems=problems,
            updates_per_rollout=updates,
            rollouts=None,
            optimizer_steps=None,
            visits_per_problem=None,
        )
    steps = planned_steps(rollouts=planned, updates_per_rollout=updates, max_steps=max_steps)
    rollouts = -(-steps // updates)
    return Length(
        problems=problems,
        updates_per_rollout=updates,
        rollouts=rollouts,
        optimizer_steps=steps,
        visits_per_problem=None if not problems else _visits(rollouts, problems, data),
    )


def rollouts_per_epoch(problems: int, prompts: int, coverage: str) -> int:
    """Training steps of one pass over the problems.

    Raises:
        ValueError: If there is none.
    """
    whole = problems // prompts if coverage == "drop_last" else -(-problems // prompts)
    if whole == 0:
        raise ValueError(
            f"data.rollout_batch_size: {prompts} is more than the {problems} problems, and "
            "coverage drop_last leaves a short rollout out"
        )
    return whole


def _visits(rollouts: int, problems: int, data: dict[str, Any]) -> float:
    prompts: int = data["rollout_batch_size"]
    coverage: str = data["coverage"]
    if coverage == "drop_last":
        return rollouts * prompts / problems
    epochs, rest = divmod(rollouts, rollouts_per_epoch(problems, prompts, coverage))
    return epochs + rest * prompts / problems
