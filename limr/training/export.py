"""A trained policy as a Hugging Face folder, at the end of a run or from a checkpoint."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.distributed.fsdp import FSDPModule
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from limr.models.loading import Pretrained, load_causal_lm, load_tokenizer
from limr.training.placement import whole_weights
from limr.training.weights import policy_weights

_STAGING = ".export.part"
_CONFIG = "config.json"
"""A folder without it is no model, to limr as to transformers and vLLM."""


class HuggingFaceExport(Callback):
    """Write the trained policy and its tokenizer as a folder that transformers loads.

    Works under every strategy, for any module with ``policy.model`` and ``tokenizer``. Other files
    in the folder stay.

    Args:
        dirpath: The folder, made if missing; None is `model` in the trainer's `default_root_dir`.
    """

    def __init__(self, dirpath: str | None = None) -> None:
        self.dirpath = dirpath

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the weights from all ranks and write them from the first.

        Also where a run goes on from the checkpoint after its last step and has nothing to train.
        """
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
    """Write what `from_pretrained` reads, whole or not at all; other files in the folder stay.

    Everything is written aside and then moved, `config.json` last. Where it replaces an earlier
    model, that one's configuration is the first to go: interrupted in between, the folder is no
    model, never a mixture of two. A process that reads the earlier weights (they are mapped into
    memory) keeps them.

    Args:
        folder: Made if missing.
        model: Gives the configurations; its own weights are not read, may be on the meta device.
        weights: The whole state dict, on any device; its data type is the one that is written.
        tokenizer: Written beside it.

    Raises:
        ValueError: If the weights are not those of the model's architecture.
    """
    whole = _architecture(model)
    check_weights(weights, whole)
    whole.load_state_dict(weights, strict=False, assign=True)  # of tied weights one is enough
    whole.tie_weights()
    staging = folder / _STAGING
    shutil.rmtree(staging, ignore_errors=True)  # what an interrupted export has left
    staging.mkdir(parents=True)
    try:
        whole.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        (folder / _CONFIG).unlink(missing_ok=True)
        for earlier in folder.glob("model*.safetensors*"):
            earlier.unlink()
        for path in sorted(staging.iterdir(), key=lambda path: path.name == _CONFIG):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(staging)


def _architecture(model: PreTrainedModel) -> PreTrainedModel:
    """The same network on the meta device, whole where the strategy has cut it.

    Not by `from_config`, which under ZeRO-3 would cut this one, too.
    """
    kind: Any = next(c for c in type(model).__mro__ if not issubclass(c, FSDPModule))
    with torch.device("meta"):
        whole: PreTrainedModel = kind(deepcopy(model.config))
    whole.generation_config = model.generation_config
    return whole


def check_weights(weights: dict[str, Tensor], model: PreTrainedModel) -> None:
    """Refuse weights of another architecture.

    Of weights that the architecture ties to each other (embeddings and output matrix) one may be
    absent.

    Raises:
        ValueError: If a weight is missing, unknown or of another shape, or tied ones differ.
    """
    expected = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    found = {name: tuple(weight.shape) for name, weight in weights.items()}
    tied = model.all_tied_weights_keys
    spared = {name for name, source in tied.items() if name not in found and source in found}
    names = expected.keys() | found.keys()
    other = sorted(n for n in names - spared if expected.get(n) != found.get(n))
    if other:
        few = "; ".join(
            f"{n}: {found.get(n, 'absent')}, expected {expected.get(n, 'absent')}"
            for n in other[:3]
        )
        raise ValueError(
            f"the weights do not fit the configuration: {len(other)} of {len(names)} differ ({few})"
        )
    for name, source in tied.items():
        if name not in spared and not torch.equal(weights[name], weights[source]):
            raise ValueError(f"the configuration ties {name} to {source}, but their weights differ")


def export_checkpoint(
    checkpoint: str,
    folder: str,
    *,
    pretrained: str | None = None,
    dtype: str | None = None,
    overwrite: bool = False,
) -> int:
    """Write the policy of a checkpoint, saved under any strategy, as a Hugging Face folder.

    Args:
        checkpoint: A file, or a folder that several processes saved.
        folder: Must be empty or not there, unless `overwrite`.
        pretrained: Where configuration and tokenizer come from; None is the model that the run
            started from, as the checkpoint names it.
        dtype: Data type of the written weights; None keeps that of the checkpoint.
        overwrite: Replace a model that is in the folder.

    Returns:
        The number of parameters written.

    Raises:
        ValueError: If the folder holds something, the checkpoint cannot be read, or it is of
            another architecture than `pretrained`.
    """
    output = Path(folder)
    if output.exists() and not output.is_dir():
        raise ValueError(f"output: {folder} is no folder")
    if not overwrite and output.is_dir() and {p.name for p in output.iterdir()} - {_STAGING}:
        raise ValueError(f"output: {folder} holds something; name another or give --overwrite")
    weights, started_from = policy_weights(checkpoint)
    source = Pretrained(name=pretrained) if pretrained else started_from
    if source is None:
        raise ValueError(
            f"ckpt_path: {checkpoint} does not name the model it was trained from; pass it as "
            "--pretrained"
        )
    with torch.device("meta"):
        model = load_causal_lm(source)
    try:
        check_weights(weights, model)
    except ValueError as error:
        raise ValueError(f"ckpt_path: {checkpoint} is not of {source.name}: {error}") from error
    if dtype is not None:
        weights = {name: weight.to(getattr(torch, dtype)) for name, weight in weights.items()}
    write_model(output, model, weights, load_tokenizer(source))
    return int(model.num_parameters())
