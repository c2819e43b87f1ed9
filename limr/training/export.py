"""A Hugging Face folder at the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class HuggingFaceExport(Callback):
    """Write the trained policy and its tokenizer as a folder that transformers loads.

    Works for any module with ``policy.model`` and ``tokenizer``. Other files in the folder stay.

    Args:
        dirpath: The folder; made if missing.
    """

    def __init__(self, dirpath: str) -> None:
        self.dirpath = Path(dirpath)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write from the first process only."""
        if trainer.is_global_zero:
            module: Any = pl_module
            module.policy.model.save_pretrained(self.dirpath)
            module.tokenizer.save_pretrained(self.dirpath)
