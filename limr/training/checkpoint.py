"""Checkpoints in the run's own folder."""

from pathlib import Path

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
            enable_version_counter=False,
        )

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the folder."""
        self._settle(trainer)
        super().setup(trainer, pl_module, stage)

    def _find_last_checkpoints(self, trainer: Trainer) -> set[str]:
        """What `--ckpt_path last` chooses from; Lightning asks before `setup`."""
        self._settle(trainer)
        return super()._find_last_checkpoints(trainer)

    def _settle(self, trainer: Trainer) -> None:
        if self.dirpath is None:
            self.dirpath = str(Path(trainer.default_root_dir) / "checkpoints")
