"""What would end a run hours later is found out before its first step."""

import re
import shutil
import tempfile
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from limr.files import FolderLock
from limr.training.checkpoint import RunCheckpoint
from limr.training.recorder import TrajectoryRecorder
from limr.training.trainer_facts import mlflow_loggers


class Preflight(Callback):
    """Refuses a fit whose folder another run uses, cannot be written, or is on too full a disk.

    The folder (`default_root_dir`) is locked by the first rank until the fit ends; `limr validate`
    may read it meanwhile. Folders are tried before weights are loaded. Space is compared once the
    number of parameters is known, before the first step, with what the checkpoints alone will take.
    """

    _lock: FolderLock | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Lock the run's folder and try every folder that this rank will write to.

        Raises:
            ValueError: If the folder is in use or a folder cannot be written.
        """
        if stage != "fit":
            return
        if trainer.is_global_zero:
            self._lock = FolderLock(Path(trainer.default_root_dir))
        for folder in written_folders(trainer):
            try_writing(folder)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Try the checkpoints' folder, now that it is known, and compare its free space.

        Raises:
            ValueError: If it cannot be written or the space does not suffice.
        """
        if not trainer.is_global_zero:
            return
        one = checkpoint_bytes(pl_module)
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, RunCheckpoint):
                folder = callback.folder(trainer)
                try_writing(folder)
                require_space(folder, one * checkpoints_to_come(callback, folder))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the folder back."""
        self._release()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give the folder back; Lightning then leaves out `teardown`."""
        self._release()

    def _release(self) -> None:
        if self._lock:
            self._lock.release()


def written_folders(trainer: Trainer) -> list[Path]:
    """The local folders that a fit writes to: its own, trajectories, MLflow's artifacts."""
    callbacks: list[Callback] = getattr(trainer, "callbacks", [])
    recorders = [c for c in callbacks if isinstance(c, TrajectoryRecorder)]
    named = [trainer.default_root_dir, *(r.trajectories_folder(trainer) for r in recorders)]
    if trainer.is_global_zero:
        for logger in mlflow_loggers(trainer):
            experiment = logger.experiment.get_experiment(logger.experiment_id)
            named.append(experiment.artifact_location.removeprefix("file://"))
    return [Path(name) for name in named if _is_local(name)]


def _is_local(address: str) -> bool:
    return re.match(r"[\w-]+:", address) is None


def try_writing(folder: Path) -> None:
    """Make the folder when absent, and a file in it, for a moment.

    Raises:
        ValueError: If either fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".preflight-") as file:
            file.write(bytes(4096))
    except OSError as error:
        raise ValueError(f"cannot write to {folder}: {error.strerror}") from error


def checkpoint_bytes(module: LightningModule) -> int:
    """Bytes of one checkpoint: what the module saves, and Adam's two moments of what it trains."""
    tensors = [x for x in module.state_dict().values() if isinstance(x, torch.Tensor)]
    trained = [p for p in module.parameters() if p.requires_grad]
    return sum(x.numel() * x.element_size() for x in tensors) + 2 * sum(
        p.numel() * p.element_size() for p in trained
    )


def checkpoints_to_come(callback: RunCheckpoint, folder: Path) -> int:
    """Checkpoints that are not there yet, at least the one that is whole before an old one goes.

    Where all are kept (`keep: -1`) their number is unknown, and one is counted.
    """
    kept = abs(callback.keep) + bool(callback.monitor)
    return max(1, kept + 1 - len(list(folder.glob("step-*.ckpt"))))


def require_space(folder: Path, needed: int) -> None:
    """Compare free and needed bytes of a folder that exists.

    Raises:
        ValueError: If they do not suffice.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ValueError(
            f"{folder}: checkpoints need at least {needed:,} bytes, {free:,} are free; make room, "
            "keep fewer checkpoints or set another trainer.default_root_dir"
        )
