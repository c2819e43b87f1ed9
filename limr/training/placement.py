"""Where a run's networks live: whole on each rank, or cut over the ranks, as the strategy says."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar, cast

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.plugins.precision import DeepSpeedPrecision, HalfPrecision
from lightning.pytorch.strategies import DeepSpeedStrategy, ModelParallelStrategy, Strategy
from torch import Tensor, nn
from torch.distributed.fsdp import MixedPrecisionPolicy
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from limr.models.sharding import load_sharded, whole_state_dict

Module = TypeVar("Module", bound=nn.Module)

PRECISIONS = ("32-true", "bf16-mixed", "bf16-true", "64-true")


class FSDP2(ModelParallelStrategy):
    """Weights, gradients and optimizer state of policy and critic cut over all ranks (FSDP2).

    Lightning's strategy, which would otherwise ask for the number of ranks or take tensor
    parallelism over a node for meant.
    """

    def __init__(
        self,
        save_distributed_checkpoint: bool = True,
        process_group_backend: str | None = None,
    ) -> None:
        """Declare the strategy.

        Args:
            save_distributed_checkpoint: True saves a folder to which each rank writes its share,
                False one file, which the first rank must have the memory to put together.
            process_group_backend: `nccl` or `gloo`; None takes the device's.
        """
        super().__init__(
            tensor_parallel_size=1,
            save_distributed_checkpoint=save_distributed_checkpoint,
            process_group_backend=process_group_backend,
        )

    def _setup_distributed(self) -> None:
        super()._setup_distributed()
        self._data_parallel_size = self.world_size

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """The optimizer's state, for a checkpoint; what it is before the first step, too.

        torch reads the state of an optimizer that has none yet by taking a step on zero gradients,
        which must not count: Adam's corrections would all be one step late.
        """
        if not optimizer.state:
            super().optimizer_state(optimizer)
            for state in optimizer.state.values():
                for value in state.values():
                    value.zero_()
        return super().optimizer_state(optimizer)


def prepare_trainer(trainer: Trainer, max_grad_norm: float) -> None:
    """Refuse what would fail, or silently mislead, in the middle of a run; set what must be set.

    Raises:
        ValueError: If the trainer's precision is not supported, or its strategy would split single
            tensors.
    """
    if trainer.precision not in PRECISIONS:
        raise ValueError(
            f"trainer.precision: {trainer.precision} is not supported; use one of "
            f"{', '.join(PRECISIONS)} (pretrained.dtype sets what the weights are loaded in)"
        )
    strategy = trainer.strategy
    if isinstance(strategy, ModelParallelStrategy) and strategy._tensor_parallel_size != 1:
        raise ValueError(
            "trainer.strategy: tensor parallelism is not supported; use limr.training.FSDP2, which "
            "cuts every tensor over all ranks and needs no sizes"
        )
    if isinstance(strategy, DeepSpeedStrategy):
        if not hasattr(strategy, "loading"):
            raise ValueError("trainer.strategy: use limr.training.deepspeed.DeepSpeed in its place")
        assert strategy.config is not None
        strategy.config["gradient_clipping"] = max_grad_norm
        # a step takes several backward passes, as many as there are micro-batches
        strategy.config["managed_gradient_accumulation"] = False
    if isinstance(plugin := trainer.precision_plugin, HalfPrecision | DeepSpeedPrecision):
        # Prompts hold no floats to convert, and Lightning refuses frozen dataclasses there. Its
        # default data type would round every metric; all tensors here name theirs.
        attributes: Any = plugin
        attributes.convert_input = lambda batch: batch
        attributes.forward_context = nullcontext


def placed(build: Callable[[], Module], trainer: Trainer | None, *, trained: bool = True) -> Module:
    """What `build` makes, as the trainer's strategy wants it.

    Args:
        build: Makes a network, under `torch.device("meta")` without reading weights.
        trainer: None is one process.
        trained: False for the frozen reference, which no strategy moves: it is put on the device,
            and into the data type, that the trained networks will have.
    """
    if trainer is not None and isinstance(trainer.strategy, ModelParallelStrategy):
        module = load_sharded(
            build,
            trainer.strategy.device_mesh["data_parallel"],
            trainer.strategy.root_device,
            mp_policy=mixed_precision(trainer.precision),
            trained=trained,
        )
    elif trainer is not None and isinstance(trainer.strategy, DeepSpeedStrategy):
        strategy: Any = trainer.strategy
        with strategy.loading(trained=trained):
            module = build()
    else:
        module = build()
    if trainer is not None and not trained:
        trainer.precision_plugin.convert_module(module)
        module.to(trainer.strategy.root_device)
    return module


def mixed_precision(precision: str | None) -> MixedPrecisionPolicy | None:
    """FSDP2's data types for the trainer's `precision`; None computes in those of the weights."""
    if precision != "bf16-mixed":
        return None
    return MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)


def clip_gradients(
    optimizer: LightningOptimizer, max_norm: float, strategy: Strategy
) -> dict[str, Tensor]:
    """Scale each parameter group's gradients to a norm of at most `max_norm`, over all shards.

    Returns:
        The norm before, by the group's name, the same on every rank. Empty under DeepSpeed, which
        clips all groups together while it steps: see :func:`engine_norms`.
    """
    norms = {}
    if not isinstance(strategy, DeepSpeedStrategy):
        for group in optimizer.param_groups:
            norm = torch.nn.utils.clip_grad_norm_(group["params"], max_norm)
            norms[group["name"]] = norm.full_tensor() if isinstance(norm, DTensor) else norm
    return norms


def engine_norms(optimizer: LightningOptimizer, strategy: Strategy) -> dict[str, Tensor]:
    """Under DeepSpeed the gradient norm of the step just taken, one for all groups; else empty."""
    if not isinstance(strategy, DeepSpeedStrategy):
        return {}
    norm = torch.as_tensor(strategy.deepspeed_engine.get_global_grad_norm())
    return {group["name"]: norm for group in optimizer.param_groups}


def whole_weights(module: nn.Module, strategy: Strategy) -> dict[str, Tensor]:
    """The state dict of a part of the trained module, put together from all ranks.

    Every rank must call; with sharded weights only the first one's result is complete.
    """
    if isinstance(strategy, DeepSpeedStrategy):
        deepspeed: Any = strategy
        return cast(dict[str, Tensor], deepspeed.whole_state_dict(module))
    return whole_state_dict(module)
