"""The policy's weights out of a checkpoint of any strategy, whole and on the CPU."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load

from limr.models.loading import Pretrained

PREFIX = "policy.model."
"""Where a checkpoint's state dict keeps the policy."""


def policy_weights(checkpoint: str) -> tuple[dict[str, Tensor], Pretrained | None]:
    """The policy's state dict, and the model that the run started from where the file says so.

    Args:
        checkpoint: What `limr fit` saved: one file, or under FSDP2 and DeepSpeed a folder.

    Raises:
        ValueError: If it is not there, damaged, or holds no policy.
    """
    path = Path(checkpoint)
    if not path.exists():
        raise ValueError(f"ckpt_path: no such file: {checkpoint}")
    try:
        if path.is_file():
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            state = content["state_dict"]
        elif (path / ".metadata").is_file():
            content = torch.load(path / "meta.pt", map_location="cpu", weights_only=True)
            state = _distributed_state(path)
        else:
            content, state = _deepspeed_state(path)
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"ckpt_path: {checkpoint} is no checkpoint, or a damaged one ({reason})"
        ) from error
    weights = {n.removeprefix(PREFIX): w for n, w in state.items() if n.startswith(PREFIX)}
    if not weights:
        raise ValueError(f"ckpt_path: {checkpoint} holds no policy of limr's")
    named = content.get("pretrained")
    return weights, Pretrained(**named) if named else None


def _distributed_state(path: Path) -> dict[str, Tensor]:
    """The shares of all ranks put together, of the policy alone."""
    reader = FileSystemReader(path)
    prefix = f"state_dict.{PREFIX}"
    wanted = {
        name: torch.empty(entry.size, dtype=entry.properties.dtype)
        for name, entry in reader.read_metadata().state_dict_metadata.items()
        if name.startswith(prefix) and isinstance(entry, TensorStorageMetadata)
    }
    load(wanted, storage_reader=reader, no_dist=True)
    return {name.removeprefix("state_dict."): tensor for name, tensor in wanted.items()}


def _deepspeed_state(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not (path / "checkpoint").is_dir():
        raise ValueError(f"ckpt_path: {path} is no checkpoint of limr's")
    try:
        from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint
    except ImportError as error:
        raise ValueError(
            f'ckpt_path: {path} was saved by DeepSpeed; to read it: pip install "limr[deepspeed]"'
        ) from error
    states = sorted((path / "checkpoint").glob("*_model_states.pt"))
    # DeepSpeed pickles objects of its own; the weights themselves are read by its own converter.
    content = torch.load(states[0], map_location="cpu", weights_only=False)
    return content, get_fp32_state_dict_from_zero_checkpoint(str(path), tag="checkpoint")
