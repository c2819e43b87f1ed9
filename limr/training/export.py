"""A Hugging Face folder at the end of a run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class HuggingFaceExport(Callback):
    """Write the trained policy and its tokenizer as a folder that transformers loads.

    Works for any module with ``policy.model`` and ``tokenizer``. Other files in the folder stay.

    Args:
        dirpath: The folder, made if missing; None is `model` in the trainer's `default_root_dir`.
    """

    def __init__(self, dirpath: str | None = None) -> None:
        self.dirpath = dirpath

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write from the first process only.

        Files are moved into place whole: a process that reads the folder's earlier weights (they
        are mapped into memory) keeps them.
        """
        if not trainer.is_global_zero:
            return
        module: Any = pl_module
        folder = Path(self.dirpath or Path(trainer.default_root_dir) / "model")
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as staging:
            module.policy.model.save_pretrained(staging)
            module.tokenizer.save_pretrained(staging)
            for path in Path(staging).iterdir():
                path.replace(folder / path.name)
