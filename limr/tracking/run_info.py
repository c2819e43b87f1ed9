"""The circumstances of a run, as tags: code, versions, machine, data and seed."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.trainer.states import TrainerFn
from mlflow.entities import RunTag

import limr
from limr.data import MathDataModule
from limr.tracking.datasets import dataset_inputs

_PACKAGES = ("limr", "torch", "lightning", "transformers")


class RunInfo(Callback):
    """Tags each MLflow run once with what is needed to repeat it, doubt it and find its files.

    A tag that the logger was given (`tags`) stays as it was given. The problems become the run's
    datasets.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Tag the runs; the data module is set up by then, so its digest is known."""
        loggers = [logger for logger in trainer.loggers if isinstance(logger, MLFlowLogger)]
        if not (loggers and trainer.is_global_zero):
            return
        verb = TrainerFn(stage).value
        folder = str(Path(trainer.default_root_dir).resolve())
        found = {"verb": verb, "folder": folder, **git_state(Path(limr.__file__)), **environment()}
        if pretrained := getattr(pl_module, "pretrained", None):
            found["model"] = pretrained.name
        data = getattr(trainer, "datamodule", None)
        if verb == "fit":
            found |= data_state(data)
        inputs = dataset_inputs(data, verb) if isinstance(data, MathDataModule) else []
        for logger in loggers:
            tags = found | (logger.tags or {})
            logger.experiment.log_batch(
                logger.run_id, tags=[RunTag(name, str(value)) for name, value in tags.items()]
            )
            if inputs:
                logger.experiment.log_inputs(logger.run_id, inputs)


def git_state(source: Path) -> dict[str, str]:
    """Commit of the repository that tracks `source` and whether its tracked files were changed.

    Both are ``"unknown"`` where git is absent or does not track the file (an installed wheel, say).
    """
    unknown = {"git.commit": "unknown", "git.dirty": "unknown"}
    try:
        # a wheel in a virtual environment inside some other project must not report that project
        _git(source, "ls-files", "--error-unmatch", source.name)
        commit = _git(source, "rev-parse", "HEAD")
        changes = _git(source, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return unknown
    return {"git.commit": commit, "git.dirty": str(bool(changes)).lower()}


def _git(source: Path, *args: str) -> str:
    command = ["git", "-C", str(source.parent), *args]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=10
    ).stdout.strip()


def environment() -> dict[str, str]:
    """Versions, machine, threads, seed and the command that started the run."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "command": " ".join(sys.argv),
        "seed": os.environ.get("PL_GLOBAL_SEED", "unset"),
        "version.python": platform.python_version(),
        **{f"version.{name}": metadata.version(name) for name in _PACKAGES},
        "machine.platform": platform.platform(),
        "machine.cpus": str(os.cpu_count()),
        "machine.threads": str(torch.get_num_threads()),
        "machine.gpus": ", ".join(gpus) or "none",
    }


def data_state(datamodule: LightningDataModule | None) -> dict[str, str]:
    """Fingerprint, size and share of the training problems, from a data module that can tell."""
    digest, problems = (getattr(datamodule, name, None) for name in ("digest", "problems"))
    if not callable(digest) or problems is None:
        return {}
    tags = {"data.digest": digest(), "data.problems": str(len(problems))}
    if available := getattr(datamodule, "problems_available", None):
        tags["share"] = f"{len(problems) / available:.4g}"
    return tags
