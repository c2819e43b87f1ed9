"""Checkpoints in the run's own folder, and at which step a run goes on from any checkpoint."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint


class RunCheckpoint(ModelCheckpoint):
    """Lightning's checkpoints, by default `last.ckpt` alone, in `default_root_dir`/checkpoints.

    Left to itself Lightning puts them into a folder named after the logger's run, which nobody can
    name beforehand to resume or validate from.
    """

    def __init__(
        self,
        dirpath: str | None = None,
        save_top_k: int = 0,
        every_n_train_steps: int | None = None,
    ) -> None:
        """Declare what is kept.

        Args:
            dirpath: Another folder; None is `checkpoints` in the trainer's `default_root_dir`.
            save_top_k: Checkpoints kept besides the last: 0 none, -1 all.
            every_n_train_steps: Distance in optimizer steps; None saves at the end of each epoch.
        """
        super().__init__(
            dirpath=dirpath,
            save_last=True,
            save_top_k=save_top_k,
            every_n_train_steps=every_n_train_steps,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the folder."""
        self._settle(trainer)
        super().setup(trainer, pl_module, stage)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save, also where only the last is kept: Lightning would then wait for the run's end."""
        super().on_train_epoch_end(trainer, pl_module)
        if self.save_top_k == 0 and self._every_n_epochs:
            self._save_last_checkpoint(trainer, self._monitor_candidates(trainer))

    def _find_last_checkpoints(self, trainer: Trainer) -> set[str]:
        """What `--ckpt_path last` chooses from; Lightning asks before `setup`."""
        self._settle(trainer)
        return super()._find_last_checkpoints(trainer)

    def _settle(self, trainer: Trainer) -> None:
        if self.dirpath is None:
            self.dirpath = str(Path(trainer.default_root_dir) / "checkpoints")


def settle_epoch(checkpoint: dict[str, Any], trainer: Trainer) -> None:
    """Change a checkpoint that does not lie within an epoch so that Lightning resumes exactly.

    A checkpoint of an epoch's last batch (`every_n_train_steps`) or of its end then lies between
    two epochs. Left to itself Lightning takes the steps of a longer next epoch for done, forgets to
    count that epoch, so that a second resume repeats steps, and under `max_steps` begins the next
    epoch inside the old one. A checkpoint of a run that `max_steps` ended within an epoch lies
    there again, so that more steps go on with it. Others stay as they are: within an epoch, and
    after the validation at its end. (The validation that follows a last batch is not made up for.)

    Args:
        checkpoint: As Lightning hands it to `on_load_checkpoint`.
        trainer: That will resume.
    """
    fit = checkpoint["loops"]["fit_loop"]
    epochs, batches = fit["epoch_progress"], fit["epoch_loop.batch_progress"]
    epoch_end = epochs["total"]["processed"] == epochs["total"]["started"]
    batch_end = batches["total"]["completed"] < batches["total"]["processed"]
    if epoch_end and not batches["is_last_batch"]:
        for count in (epochs["total"], epochs["current"]):
            count["processed"] = count["completed"] = count["started"] - 1
    elif batches["is_last_batch"] and (epoch_end or batch_end):
        for count in (epochs["total"], epochs["current"]):
            count |= dict.fromkeys(count, count["started"])
        batches["total"] |= dict.fromkeys(batches["total"], batches["total"]["processed"])
        batches["current"] |= dict.fromkeys(batches["current"], 0)
        batches["is_last_batch"] = False
        # what loggers count; Lightning adds the batch whose validation it believes to skip
        epoch, steps = epochs["current"]["started"], batches["total"]["processed"]
        again = _takes_validation_for_due(trainer, epoch, steps)
        fit["epoch_loop.state_dict"]["_batches_that_stepped"] += batch_end - again


def _takes_validation_for_due(trainer: Trainer, epoch: int, steps: int) -> bool:
    if trainer.max_steps == -1 or not trainer.enable_validation:
        return False
    if trainer.check_val_every_n_epoch is None:  # validation counts steps over all epochs
        interval = trainer.val_check_interval
        return isinstance(interval, int) and steps % interval == 0
    return (epoch + 1) % trainer.check_val_every_n_epoch == 0
