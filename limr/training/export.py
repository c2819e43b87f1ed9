"""A trained policy as a Hugging Face folder, at the end of a run or from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from limr.models.loading import Pretrained, load_causal_lm, load_tokenizer
from limr.training.placement import whole_weights
from limr.training.weights import policy_weights


class HuggingFaceExport(Callback):
    """Write the trained policy and its tokenizer as a folder that transformers loads.

    Works under every strategy, for any module with ``policy.model`` and ``tokenizer``. Other files
    in the folder stay.

    Args:
        dirpath: The folder, made if missing; None is `model` in the trainer's `default_root_dir`.
    """

    def __init__(self, dirpath: str | None = None) -> None:
        self.dirpath = dirpath

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the weights from all ranks and write them from the first."""
        module: Any = pl_module
        weights = whole_weights(module.policy.model, trainer.strategy)
        if trainer.is_global_zero:
            folder = Path(self.dirpath or Path(trainer.default_root_dir) / "model")
            write_model(folder, module.policy.model, weights, module.tokenizer)


def write_model(
    folder: Path,
    model: PreTrainedModel,
    weights: dict[str, Tensor],
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    """Write what `from_pretrained` reads; every file appears whole.

    A process that reads the folder's earlier weights (they are mapped into memory) keeps them.

    Args:
        folder: Made if missing.
        model: Gives the configuration; its own weights are not read.
        weights: The whole state dict, on any device.
        tokenizer: Written beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as staging:
        model.save_pretrained(staging, state_dict=weights)
        tokenizer.save_pretrained(staging)
        for path in Path(staging).iterdir():
            path.replace(folder / path.name)


def export_checkpoint(
    checkpoint: str, folder: str, *, pretrained: str | None = None, dtype: str | None = None
) -> None:
    """Write the policy of a checkpoint, saved under any strategy, as a Hugging Face folder.

    Args:
        checkpoint: A file, or a folder that several processes saved.
        folder: Must be empty or not there.
        pretrained: Where configuration and tokenizer come from; None is the model that the run
            started from, as the checkpoint names it.
        dtype: Data type of the written weights; None keeps that of the checkpoint.

    Raises:
        ValueError: If the folder holds something, the checkpoint cannot be read, or it is of
            another architecture than `pretrained`.
    """
    output = Path(folder)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"output: {folder} is there already; name another folder or remove it")
    weights, started_from = policy_weights(checkpoint)
    source = Pretrained(name=pretrained) if pretrained else started_from
    if source is None:
        raise ValueError(
            f"{checkpoint} does not name the model it was trained from; pass it as --pretrained"
        )
    with torch.device("meta"):
        model = load_causal_lm(source)
    _check_same_architecture(model.state_dict(), weights, f"{checkpoint} and {source.name}")
    if dtype is not None:
        weights = {name: weight.to(getattr(torch, dtype)) for name, weight in weights.items()}
    model.config.dtype = next(iter(weights.values())).dtype
    write_model(output, model, weights, load_tokenizer(source))


def _check_same_architecture(
    expected: dict[str, Tensor], found: dict[str, Tensor], what: str
) -> None:
    other = [
        name for name in expected if name not in found or found[name].shape != expected[name].shape
    ]
    other += [name for name in found if name not in expected]
    if other:
        raise ValueError(
            f"{what} are of different architectures: {len(other)} weights do not fit, the first is "
            f"{other[0]}"
        )
