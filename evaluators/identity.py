"""What decides a measurement: the weights, the questions, how answers are drawn and graded."""

import hashlib
import json
from typing import Any, TypeVar

import torch.distributed
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.distributed.tensor import DTensor

from limr import __version__
from limr.seeding import run_seed

_T = TypeVar("_T")


def gather_objects(item: _T) -> list[_T]:
    """`item` of every rank, in rank order; alone, a list of one."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [item]
    gathered: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(gathered, item)
    return gathered


def weights_digest(module: LightningModule) -> str:
    """A sha256 of all weights, each rank's own part of them where they are sharded.

    Every rank must call it. The same weights in other parts have another digest.
    """
    digest = hashlib.sha256()
    for name, parameter in sorted(module.named_parameters()):
        part = own_part(parameter.detach()).cpu().contiguous()
        digest.update(repr((name, tuple(part.shape), part.dtype)).encode())
        digest.update(part.view(-1).view(torch.uint8).numpy().data)
    parts = gather_objects(digest.hexdigest())
    return hashlib.sha256("".join(sorted({*parts})).encode()).hexdigest()


def own_part(parameter: Tensor) -> Tensor:
    """What this rank holds of a parameter (FSDP2, ZeRO-3), the whole where it is not sharded."""
    if isinstance(parameter, DTensor):
        return parameter.to_local()
    return getattr(parameter, "ds_tensor", parameter)


def circumstances(module: LightningModule) -> dict[str, Any]:
    """What decides a result beside weights and benchmark: plain values by name."""
    return {
        "seed": run_seed(),
        "precision": module.trainer.precision,
        "engine": type(getattr(module, "engine", None)).__name__,
        "limr": __version__,
    }


def key_of(facts: dict[str, Any]) -> str:
    """A sha256 that two measurements share when all that decides them is the same."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
