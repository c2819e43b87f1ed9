"""The policy's weights out of a checkpoint of any strategy, whole and on the CPU.

Only the policy is put into memory: neither critic nor optimizer. Files are read as tensors and
plain values, so that none runs code; the one exception is the index of FSDP2's folder, which torch
itself reads as a pickle.
"""

import io
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load

from limr.models.loading import Pretrained

PREFIX = "policy.model."
"""Where a checkpoint's state dict keeps the policy."""

Content = dict[str, Any]
Weights = dict[str, Tensor]


def policy_weights(checkpoint: str) -> tuple[Weights, Pretrained | None]:
    """The policy's state dict, and the model that the run started from where the file says so.

    Args:
        checkpoint: What `limr fit` saved: one file, or under FSDP2 and DeepSpeed a folder.

    Returns:
        Tensors in the data type they were saved in, from DeepSpeed always its float32 master
        weights; those of a file are mapped into memory and read when used.

    Raises:
        ValueError: If it is not there, damaged, of an unknown kind, or holds no policy, or if it
            needs DeepSpeed and that is not installed.
    """
    path = Path(checkpoint)
    read = _reader(path)
    with _refusing_damage(path):
        content, weights = read(path)
    if not weights:
        raise ValueError(f"ckpt_path: {checkpoint} holds no policy (no weight named {PREFIX}*)")
    origin = content.get("pretrained")
    return weights, Pretrained(name=origin["name"], revision=origin["revision"]) if origin else None


def _reader(path: Path) -> Callable[[Path], tuple[Content, Weights]]:
    if not path.exists():
        raise ValueError(f"ckpt_path: no such file: {path}")
    if path.is_file() and zipfile.is_zipfile(path):
        return _read_file
    if (path / ".metadata").is_file():
        return _read_ranks
    if (path / "checkpoint").is_dir():
        if find_spec("deepspeed") is None:
            raise ValueError(
                f"ckpt_path: {path} was saved by DeepSpeed; to read it: "
                'pip install "limr[deepspeed]"'
            )
        return _read_deepspeed
    if (path / "config.json").is_file():
        raise ValueError(f"ckpt_path: {path} is a Hugging Face folder already, no checkpoint")
    raise ValueError(f"ckpt_path: {path} is no checkpoint, or a damaged one")


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    errors = (OSError, RuntimeError, EOFError, LookupError, AttributeError, CheckpointException)
    try:
        yield
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"ckpt_path: {path} is damaged, or holds more than tensors and plain values, which is "
            f"not loaded ({_first_line(error)})"
        ) from error
    except errors as error:
        raise ValueError(f"ckpt_path: {path} is damaged ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _read_file(path: Path) -> tuple[Content, Weights]:
    content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    state = content.pop("state_dict", {})
    return content, _policy(state, state.__getitem__)


def _read_ranks(path: Path) -> tuple[Content, Weights]:
    """FSDP2's folder: the shares of all ranks put together."""
    reader, inside = FileSystemReader(path), "state_dict."
    entries = reader.read_metadata().state_dict_metadata

    def empty(name: str) -> Tensor:
        entry = entries[inside + name]
        assert isinstance(entry, TensorStorageMetadata)  # the policy has nothing but tensors
        return torch.empty(entry.size, dtype=entry.properties.dtype)

    names = [name.removeprefix(inside) for name in entries if name.startswith(inside)]
    weights = _policy(names, empty)
    wanted = {inside + PREFIX + name: weight for name, weight in weights.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")  # as is meant here
        load(wanted, storage_reader=reader, no_dist=True)
    return torch.load(path / "meta.pt", map_location="cpu", weights_only=True), weights


def _read_deepspeed(path: Path) -> tuple[Content, Weights]:
    """DeepSpeed's folder: its float32 master weights put together, one tensor at a time."""
    from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint as merge

    with _weights_only(), redirect_stdout(io.StringIO()):  # it prints its progress
        state = merge(str(path), tag="checkpoint", lazy_mode=True)
        weights = _policy(state, lambda name: state[name].contiguous())
        first = min((path / "checkpoint").glob("*_model_states.pt"))
        return torch.load(first, map_location="cpu", mmap=True), weights


@contextmanager
def _weights_only() -> Iterator[None]:
    """Have every `torch.load` refuse to run code, whatever DeepSpeed asks of it.

    Its checkpoints hold objects of a few classes of its own; these alone are let through.
    """
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    variable = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(variable)
    os.environ[variable] = "1"
    try:
        with torch.serialization.safe_globals(
            [DynamicLossScaler, LossScaler, ZeroStageEnum, fragment_address]
        ):
            yield
    finally:
        os.environ.pop(variable)
        if before is not None:
            os.environ[variable] = before


def _policy(names: Iterable[str], read: Callable[[str], Tensor]) -> Weights:
    return {name.removeprefix(PREFIX): read(name) for name in names if name.startswith(PREFIX)}
