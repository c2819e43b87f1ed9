"""Networks cut over the ranks by FSDP2, built so that no device ever holds one whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    set_model_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from transformers import PreTrainedModel

Module = TypeVar("Module", bound=nn.Module)


def decoder_layers(module: nn.Module) -> list[nn.Module]:
    """The transformer blocks inside, as their `transformers` class declares them.

    Raises:
        ValueError: If the class declares none.
    """
    names = {
        name
        for part in module.modules()
        if isinstance(part, PreTrainedModel)
        for name in part._no_split_modules or ()
    }
    layers = [part for part in module.modules() if type(part).__name__ in names]
    if not layers:
        raise ValueError(
            f"{type(module).__name__} declares no transformer blocks (_no_split_modules), so it "
            "cannot be sharded layer by layer; use strategy ddp"
        )
    return layers


def shard(
    module: nn.Module,
    mesh: DeviceMesh,
    *,
    mp_policy: MixedPrecisionPolicy | None = None,
    trained: bool = True,
) -> None:
    """Cut every parameter over the ranks of a one-dimensional mesh, in place.

    One unit for each transformer block, gathered for its forward and backward pass and freed
    between them, and one for what is left (embeddings, head), which stays gathered from forward to
    backward. Real, meta and fake tensors all do.

    Args:
        module: A network whose own `forward` is what is called.
        mesh: The data-parallel ranks.
        mp_policy: Data types of computation and reduction; None computes in those of the weights.
        trained: False frees the last unit, too, after a forward pass that no backward follows.
    """
    policy = mp_policy or MixedPrecisionPolicy()
    for layer in decoder_layers(module):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=not trained)


def load_sharded(
    build: Callable[[], Module],
    mesh: DeviceMesh,
    device: torch.device,
    *,
    mp_policy: MixedPrecisionPolicy | None = None,
    trained: bool = True,
) -> Module:
    """Build a network whose weights the first rank reads and each rank holds a share of.

    Args:
        build: Makes the network; under `torch.device("meta")` without reading weights.
        mesh: As in :func:`shard`, like the two below.
        device: Where this rank's share lies.
        mp_policy: See there.
        trained: See there.

    Returns:
        The network on `device`, parameters as `DTensor`.
    """
    with torch.device("meta"):
        module = build()
    shard(module, mesh, mp_policy=mp_policy, trained=trained)
    module.to_empty(device=device)
    for part in module.modules():
        if isinstance(part, PreTrainedModel):
            part.tie_weights()  # moving from the meta device has parted what was tied
    whole = build() if dist.get_rank() == 0 else None
    set_model_state_dict(
        module,
        whole.state_dict() if whole is not None else {},
        options=StateDictOptions(full_state_dict=True, broadcast_from_rank0=True),
    )
    buffers = dict(whole.named_buffers()) if whole is not None else {}
    for name, buffer in module.named_buffers():  # also those that no state dict holds: rotary
        if whole is not None:
            buffer.copy_(buffers[name])
        dist.broadcast(buffer, src=0)
    return module


def whole_state_dict(module: nn.Module) -> dict[str, torch.Tensor]:
    """The state dict put together from all ranks; every rank must call.

    Returns:
        Whole tensors; of a sharded network on the CPU, and on the first rank only.
    """
    if any(isinstance(part, FSDPModule) for part in module.modules()):
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return cast(dict[str, torch.Tensor], get_model_state_dict(module, options=options))
    return module.state_dict()


@contextmanager
def gathered(module: nn.Module) -> Iterator[None]:
    """Within, every rank holds the whole network, so that it can generate at its own pace.

    Without this each of thousands of forward passes would gather every layer anew, and a rank whose
    responses have all ended would leave the others waiting. A network that is not sharded stays as
    it is.
    """
    units = [part for part in module.modules() if isinstance(part, FSDPModule)]
    for unit in units:
        unit.set_reshard_after_forward(False, recurse=False)
        unit.unshard()
    try:
        yield
    finally:
        for unit in units:
            unit.set_reshard_after_forward(unit is not module, recurse=False)
            unit.reshard()
