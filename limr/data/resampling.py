"""Choosing problems while training: each epoch's problems, from what the run itself recorded.

They depend on the rows of earlier epochs, the earlier selections, the seed and the configuration
alone, so a resumed run chooses as the run that was not interrupted.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Trainer

from limr.data.choices import (
    EpochChoice,
    Selection,
    choice_metrics,
    population_curves,
    turn,
    write_choice,
)
from limr.data.loaders import Coverage, steps_per_epoch
from limr.selection import LIM, Selector, choose
from limr.trajectories import StepFiles, read_reward_curves


class Resampling:
    """One run learns and selects at once: by LIM, or any selector, on its own trajectories.

    The first epochs visit all problems. Each later one visits the selected problems and a share of
    the others, in turn, so that their curves stay alive and they can be selected again. More of the
    others fill the last rollout batch: the same problems then fit any number of ranks.

    Each choice is kept in `selections/epoch-NNNN.json` in the trainer's `default_root_dir`, and its
    sizes are logged (``data/selected`` and so on in docs/metrics.md).
    """

    def __init__(
        self,
        selector: Selector | None = None,
        threshold: float | None = None,
        top_k: int | None = None,
        fraction: float | None = None,
        warmup_epochs: int = 1,
        every_n_epochs: int = 1,
        exploration: float = 0.1,
        trajectories: str | None = None,
    ) -> None:
        """Say how and when to choose.

        Args:
            selector: Scores the problems; None is `LIM(missing="ignore")`. Rules that ask for every
                epoch (`backfill`, `drop`) would pass over what was not always visited.
            threshold: Select all from this score on. Exactly one of this, `top_k` and `fraction`.
            top_k: Select this many.
            fraction: Select this share of all problems.
            warmup_epochs: Epochs over all problems before the first selection.
            every_n_epochs: Epochs for which a selection holds.
            exploration: The share of the unselected problems that an epoch revisits, in [0, 1).
            trajectories: The folder or URL to which the run's `TrajectoryRecorder` writes; None is
                `trajectories` in the trainer's `default_root_dir`, as there.

        Raises:
            ValueError: If not exactly one rule is given or a number is out of range.
        """
        rules = {"threshold": threshold, "top_k": top_k, "fraction": fraction}
        self.rule: dict[str, Any] = {k: value for k, value in rules.items() if value is not None}
        if len(self.rule) != 1:
            raise ValueError(
                f"resampling: give exactly one of {', '.join(rules)}, got {self.rule or None}"
            )
        numbers = {"top_k": top_k, "warmup_epochs": warmup_epochs, "every_n_epochs": every_n_epochs}
        for name, value in numbers.items():
            if value is not None and value < 1:
                raise ValueError(f"resampling: {name} must be >= 1, got {value}")
        if fraction is not None and not 0 < fraction <= 1:
            raise ValueError(f"resampling: fraction must be in (0, 1], got {fraction}")
        if not 0 <= exploration < 1:
            raise ValueError(f"resampling: exploration must be in [0, 1), got {exploration}")
        self.selector = selector or LIM(missing="ignore")
        self.warmup_epochs = warmup_epochs
        self.every_n_epochs = every_n_epochs
        self.exploration = exploration
        self.trajectories = trajectories
        self.history: list[Selection] = []

    def start(self, trainer: Any, num_problems: int) -> None:
        """Begin a run without selections, unless what it needs is missing.

        Raises:
            ValueError: If the trainer does not ask for each epoch's problems anew, no callback
                records the trajectories, or there are fewer than `top_k` problems.
        """
        if trainer.reload_dataloaders_every_n_epochs != 1:
            raise ValueError(
                "resampling needs trainer.reload_dataloaders_every_n_epochs: 1, or every epoch "
                "would have the first one's problems"
            )
        recorders = [c for c in trainer.callbacks if hasattr(c, "trajectories_folder")]
        recorded = [recorder.trajectories_folder(trainer) for recorder in recorders]
        if StepFiles(self._folder(trainer)).uri not in [StepFiles(path).uri for path in recorded]:
            raise ValueError(
                f"resampling reads the run's trajectories in {self._folder(trainer)}, but they are "
                f"recorded in {', '.join(recorded) or 'no folder'}; trainer.callbacks needs a "
                "limr.training.TrajectoryRecorder whose dirpath is resampling's trajectories"
            )
        if self.rule.get("top_k", 0) > num_problems:
            raise ValueError(
                f"resampling: top_k {self.rule['top_k']} is more than the {num_problems} problems"
            )
        self.history = []

    def _folder(self, trainer: Trainer) -> str:
        return self.trajectories or os.path.join(trainer.default_root_dir, "trajectories")  # noqa: PTH118

    def choose(
        self, trainer: Trainer, ids: Sequence[str], *, rollout_batch_size: int, seed: int
    ) -> list[str] | None:
        """The problems of the trainer's current epoch, None for all; every rank calls it.

        Args:
            trainer: The run's, whose recorder has written all earlier epochs.
            ids: All training problems.
            rollout_batch_size: Prompts of one training step.
            seed: Decides whose turn it is to be revisited.

        Raises:
            ValueError: If nothing is selected, or more is asked for than has a score.
        """
        epoch = trainer.current_epoch
        assert trainer.max_epochs is not None
        is_over = 0 <= trainer.max_epochs <= epoch or 0 <= trainer.max_steps <= trainer.global_step
        if epoch < self.warmup_epochs or is_over:
            return None  # not touching the history: a resumed run may ask before it knows its epoch
        self.history = [selection for selection in self.history if selection[0] < epoch]
        strategy, choice = trainer.strategy, None
        strategy.barrier("resampling")  # every rank has recorded its part
        if trainer.is_global_zero:
            choice = self._epoch_choice(
                epoch, sorted(ids), self._folder(trainer), rollout_batch_size, seed
            )
            self._tell(trainer, choice)
        choice = strategy.broadcast(choice)
        assert choice is not None
        if choice.scores is not None:
            self.history.append((epoch, choice.selected))
        return sorted([*choice.selected, *choice.explored])

    def _epoch_choice(
        self, epoch: int, ids: list[str], folder: str, rollout_batch_size: int, seed: int
    ) -> EpochChoice:
        scores = None
        if not self.history or epoch >= self.history[-1][0] + self.every_n_epochs:
            seen = read_reward_curves(folder).select_epochs(epoch - 1)
            values = self.selector.scores(population_curves(seen, ids, self.history))
            selected = sorted(choose(ids, values, **self.rule))
            scores = dict(zip(ids, values.tolist(), strict=True))
            if not selected:
                raise ValueError(
                    f"resampling: {self.rule} selects no problem for epoch {epoch}, the highest "
                    f"score is {np.nanmax(values, initial=-np.inf):.3g}; a checkpoint can go on "
                    "with another rule"
                )
        else:
            selected = self.history[-1][1]
        others = sorted({*ids} - {*selected})
        count = self._size(len(selected), len(ids), rollout_batch_size) - len(selected)
        return EpochChoice(
            selected=selected, explored=turn(others, count, epoch, seed), scores=scores
        )

    def _size(self, selected: int, problems: int, rollout_batch_size: int) -> int:
        size = selected + round(self.exploration * (problems - selected))
        return min(problems, -(-size // rollout_batch_size) * rollout_batch_size)

    def planned_rollouts(
        self, trainer: Trainer, problems: int, *, rollout_batch_size: int, coverage: Coverage
    ) -> int | None:
        """Training steps of the trainer's `max_epochs`, None where scores decide (`threshold`)."""
        assert trainer.max_epochs is not None
        if "threshold" in self.rule:
            return None
        selected = self.rule.get("top_k", round(self.rule.get("fraction", 0) * problems))
        later = self._size(selected, problems, rollout_batch_size)
        sizes = [problems if e < self.warmup_epochs else later for e in range(trainer.max_epochs)]
        limit = trainer.limit_train_batches
        steps = [
            steps_per_epoch(
                size,
                rollout_batch_size=rollout_batch_size,
                coverage=coverage,
                world_size=trainer.world_size,
            )
            for size in sizes
        ]
        return sum(min(n, limit) if isinstance(limit, int) else int(n * limit) for n in steps)

    def _tell(self, trainer: Trainer, choice: EpochChoice) -> None:
        previous = self.history[-1][1] if self.history else None
        folder = Path(trainer.default_root_dir) / "selections"
        write_choice(folder, trainer.current_epoch, choice)
        step = trainer.fit_loop.epoch_loop.total_batch_idx + 1  # of the epoch's first rollout
        for logger in trainer.loggers:
            logger.log_metrics(choice_metrics(choice, previous), step)

    def state_dict(self) -> dict[str, Any]:
        """All selections so far."""
        return {"history": [[since, ids] for since, ids in self.history]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from these selections."""
        self.history = [(int(since), list(ids)) for since, ids in state_dict["history"]]
