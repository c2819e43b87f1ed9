"""Which checkpoint a command goes on from, and whether it is one that it can go on from."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from limr.training.checkpoint import RunCheckpoint, class_path
from limr.training.checkpoint_files import damage, previous_whole, read_manifest


def find_checkpoint(asked: str, trainer: Trainer, *, may_start: bool) -> str | None:
    """The checkpoint that `last`, `best`, `hpc` or a path names, whole.

    Args:
        asked: What the command line says.
        trainer: Whose folder `last` and the others are in.
        may_start: Whether `last` may find none: then the run starts, so that one command serves
            for a job's first start and for each restart.

    Returns:
        The path; None to start anew.

    Raises:
        ValueError: If there is none, or it is damaged; the newest whole one before it is named.
    """
    folder = _folder(trainer)
    if asked in ("last", "best"):
        path = folder / f"{asked}.ckpt"
        if not path.is_symlink() and not path.exists():
            if asked == "last" and may_start:
                rank_zero_info(f"ckpt_path: no checkpoint in {folder} yet: a new run starts")
                return None
            raise ValueError(f"ckpt_path: {asked}: there is no {path}{_why_absent(asked)}")
        path = path.resolve()
    elif asked == "hpc":
        path = _newest_slurm_checkpoint(Path(trainer.default_root_dir))
    else:
        path = Path(asked)
    fault = damage(path) if trainer.is_global_zero else None
    if fault:
        whole = previous_whole(path)
        advice = f"go on from the one before it: --ckpt_path {whole}" if whole else "none is left"
        raise ValueError(f"ckpt_path: {path}: {fault}; {advice}")
    if asked == "last" and may_start:
        rank_zero_info(f"ckpt_path: goes on from {path}")
    return str(path)


def check_origin(path: str, module: LightningModule) -> None:
    """Refuse a checkpoint of another kind of training.

    Raises:
        ValueError: If another class of module saved it.
    """
    manifest = read_manifest(Path(path))
    if manifest and manifest.module != class_path(module):
        raise ValueError(
            f"ckpt_path: {path} was saved by {manifest.module}, this run trains "
            f"{class_path(module)}; resume with the configuration that saved it"
        )


def check_shapes(checkpoint: dict[str, Any], module: LightningModule) -> None:
    """Refuse weights of another model, in one line instead of torch's list of all of them.

    Raises:
        ValueError: If a weight is missing, unknown or of another shape.
    """
    saved = {name: tuple(x.shape) for name, x in checkpoint.get("state_dict", {}).items()}
    here = {name: tuple(x.shape) for name, x in module.state_dict().items()}
    other = sorted(n for n in saved.keys() | here.keys() if saved.get(n) != here.get(n))
    if saved and other:
        name = other[0]
        raise ValueError(
            f"the checkpoint is of another model: {name} is {saved.get(name, 'absent')} in it and "
            f"{here.get(name, 'absent')} here ({len(other)} of {len(here)} weights differ); resume "
            "with the configuration that saved it"
        )


def mlflow_run(path: str) -> str | None:
    """The id of the MLflow run that saved a checkpoint, where it is known."""
    manifest = read_manifest(Path(path))
    return manifest.run_id if manifest else None


def _folder(trainer: Trainer) -> Path:
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, RunCheckpoint):
            return callback.folder(trainer)
    return Path(trainer.default_root_dir) / "checkpoints"


def _why_absent(asked: str) -> str:
    return " (RunCheckpoint needs a monitor to keep the best)" if asked == "best" else ""


def _newest_slurm_checkpoint(folder: Path) -> Path:
    found = sorted(folder.glob("hpc_ckpt_*.ckpt"), key=lambda path: int(path.stem[9:]))
    if not found:
        raise ValueError(f"ckpt_path: hpc: there is no hpc_ckpt_*.ckpt in {folder}")
    return found[-1]
