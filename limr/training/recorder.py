"""Keeps every rollout's outcome, the raw material of selection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from limr.trajectories import TrajectoryRow, TrajectoryWriter, has_trajectories
from limr.types import GradedResponses, PromptBatch, Rollout


class TrajectoryRecorder(Callback):
    """Writes one row per training response, keyed by problem, epoch and step.

    Steps count rollout batches over the whole run. A resumed run drops what was recorded after its
    checkpoint and records it anew.
    """

    def __init__(self, dirpath: str | None = None, save_responses: bool = True) -> None:
        """Name the folder.

        Args:
            dirpath: The run's own folder for trajectories; None is `trajectories` in the trainer's
                `default_root_dir`.
            save_responses: Keep the texts, too; without them a row takes a few bytes.
        """
        self.dirpath = dirpath
        self.save_responses = save_responses
        self._policy_version = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the folder, before anything is measured.

        Raises:
            ValueError: If a new run would write among another run's trajectories.
        """
        folder = Path(self.dirpath or Path(trainer.default_root_dir) / "trajectories")
        if trainer.ckpt_path is None and has_trajectories(folder):
            raise ValueError(
                f"{folder} holds the trajectories of an earlier run; set another "
                "trainer.default_root_dir, move that folder away, or go on with that run by "
                "--ckpt_path"
            )
        run_id = str(trainer.logger.version) if trainer.logger else ""
        self._writer = TrajectoryWriter(folder, trainer.strategy.broadcast(run_id))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Drop what a resumed run is about to record again."""
        if trainer.is_global_zero:
            self._writer.discard_from(trainer.fit_loop.epoch_loop.total_batch_idx + 1)
        trainer.strategy.barrier("trajectories")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: PromptBatch, batch_idx: int
    ) -> None:
        """Note which policy samples this batch: the one before the step's updates."""
        self._policy_version = trainer.global_step

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Mapping[str, Any] | Any,
        batch: PromptBatch,
        batch_idx: int,
    ) -> None:
        """Write this rank's responses of the step."""
        rollout: Rollout = outputs["rollout"]
        self._writer.append(
            rows_of(rollout.graded, self._policy_version, save_responses=self.save_responses),
            epoch=batch.epoch,
            step=trainer.fit_loop.epoch_loop.total_batch_idx,
            rank=trainer.global_rank,
        )


def rows_of(
    graded: GradedResponses, policy_version: int, *, save_responses: bool
) -> list[TrajectoryRow]:
    """One row per response; a problem's samples are numbered from 0."""
    return [
        TrajectoryRow(
            problem_id=problem.id,
            sample=index % graded.samples_per_prompt,
            score=verdict.score,
            status=verdict.status,
            response_length=length,
            truncated=truncated,
            policy_version=policy_version,
            answer=verdict.answer,
            response=response if save_responses else None,
        )
        for index, (problem, response, verdict, length, truncated) in enumerate(
            zip(
                graded.problems,
                graded.responses,
                graded.verdicts,
                graded.lengths,
                graded.truncated,
                strict=True,
            )
        )
    ]
