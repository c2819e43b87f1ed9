"""Keeps every rollout's outcome, the raw material of selection."""

import os
import tempfile
import uuid
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from limr.training.trainer_facts import mlflow_loggers, steps_done
from limr.trajectories import TrajectoryRow, TrajectoryWriter, recorded_run, write_problems
from limr.types import GradedResponses, PromptBatch, Rollout


class TrajectoryRecorder(Callback):
    """Writes one row per training response, keyed by problem, epoch and step.

    Steps count rollout batches over the whole run. A resumed run drops what was recorded after its
    checkpoint and records it anew, under the run id it began with: the checkpoint keeps it, so that
    no checkpoint can go on among another run's rows. What was asked lies beside the rows, in
    ``_problems.jsonl``, where the data module tells its `problems`. Each MLflow run is tagged with
    the store's address (``trajectories``).
    """

    def __init__(
        self, dirpath: str | None = None, save_responses: bool = True, upload: bool = False
    ) -> None:
        """Name the folder.

        Args:
            dirpath: The run's own folder for trajectories, a local path or an fsspec URL; None is
                `trajectories` in the trainer's `default_root_dir`.
            save_responses: Keep the texts, too; without them a row takes a few bytes.
            upload: Also give MLflow a copy of the files, as the artifact ``trajectories``, when
                the fit ends.
        """
        self.dirpath = dirpath
        self.save_responses = save_responses
        self.upload = upload
        self._policy_version = 0
        self._run_id = ""

    def state_dict(self) -> dict[str, str]:
        """The id that the rows carry."""
        return {"run_id": self._run_id}

    def load_state_dict(self, state_dict: dict[str, str]) -> None:
        """Go on under the same id."""
        self._run_id = state_dict["run_id"]

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the folder before anything is measured.

        Some strategies (FSDP among them) restore a checkpoint only after `on_fit_start`.

        Raises:
            ValueError: If the folder holds another run's trajectories.
        """
        self._open(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the folder, drop what a resumed run is about to record again, note the problems.

        Raises:
            ValueError: If the folder holds another run's trajectories, or the disk is full.
        """
        self._open(trainer)
        if trainer.is_global_zero:
            self._writer.discard_from(steps_done(trainer))
            problems = getattr(trainer.datamodule, "problems", None)  # type: ignore[attr-defined]
            if problems is not None:
                write_problems(self.trajectories_folder(trainer), problems)
            for logger in mlflow_loggers(trainer):
                logger.experiment.set_tag(logger.run_id, "trajectories", self._writer.files.uri)
        trainer.strategy.barrier("trajectories")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Upload the files where that was asked for, once every rank has written its own.

        Also where a run goes on from the checkpoint after its last step and has nothing to train.
        """
        trainer.strategy.barrier("trajectories")
        if not (self.upload and trainer.is_global_zero):
            return
        writer = TrajectoryWriter(self.trajectories_folder(trainer), self._run_id)
        with tempfile.TemporaryDirectory() as folder:
            writer.files.download(folder)
            for logger in mlflow_loggers(trainer):
                logger.experiment.log_artifacts(logger.run_id, folder, "trajectories")

    def trajectories_folder(self, trainer: Trainer) -> str:
        """Where the rows go, for whoever reads them during the run."""
        return self.dirpath or os.path.join(trainer.default_root_dir, "trajectories")  # noqa: PTH118

    def _open(self, trainer: Trainer) -> None:
        folder = self.trajectories_folder(trainer)
        found = trainer.strategy.broadcast(recorded_run(folder) if trainer.is_global_zero else None)
        if found is not None and (trainer.ckpt_path is None or found != self._run_id):
            raise ValueError(
                f"{folder} holds the trajectories of an earlier run ({found or 'unnamed'}); set "
                "another trainer.default_root_dir, move that folder away, or go on with that run "
                "by the --ckpt_path of one of its checkpoints"
            )
        if trainer.ckpt_path is None or not self._run_id:
            self._run_id = str(trainer.logger.version) if trainer.logger else uuid.uuid4().hex
        self._run_id = trainer.strategy.broadcast(self._run_id)
        self._writer = TrajectoryWriter(folder, self._run_id)

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
            problem_id=row.problem.id,
            sample=row.sample,
            score=row.verdict.score,
            status=row.verdict.status,
            response_length=row.length,
            truncated=row.truncated,
            policy_version=policy_version,
            answer=row.verdict.answer,
            reason=row.verdict.reason or None,
            response=row.response if save_responses else None,
        )
        for row in graded.rows()
    ]
