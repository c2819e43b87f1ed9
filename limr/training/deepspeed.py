"""What DeepSpeed needs beside Lightning's strategy. Its packages: pip install "limr[deepspeed]"."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import DeepSpeedStrategy
from transformers.integrations.deepspeed import HfDeepSpeedConfig, unset_hf_deepspeed_config


class DeepSpeed(DeepSpeedStrategy):
    """Lightning's DeepSpeed strategy that also runs on CPU ranks, for trying a run out.

    On CPUs set the environment variable ``DS_ACCELERATOR=cpu``.
    """

    def __init__(
        self,
        stage: Literal[2, 3] = 3,
        offload_optimizer: bool = False,
        offload_parameters: bool = False,
        process_group_backend: str | None = None,
        zero_optimization: dict[str, Any] | None = None,
    ) -> None:
        """Declare the strategy. Gradients are clipped at `ppo.max_grad_norm`.

        Args:
            stage: 2 cuts gradients and optimizer state over the ranks, 3 the weights, too.
            offload_optimizer: Keep the optimizer's state, and step, in the host's memory.
            offload_parameters: Keep the weights there, too; stage 3 only.
            process_group_backend: `nccl` or `gloo`; None takes the device's.
            zero_optimization: Further options of DeepSpeed's section of that name.
        """
        zero: dict[str, Any] = {"stage": stage, **(zero_optimization or {})}
        for name, wanted in (("optimizer", offload_optimizer), ("param", offload_parameters)):
            if wanted:
                zero[f"offload_{name}"] = {"device": "cpu"}
        config = {
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,  # torch's AdamW does, wherever the state is
            "zero_optimization": zero,
        }
        super().__init__(config=config, process_group_backend=process_group_backend)

    def setup_environment(self) -> None:
        """Start the processes; Lightning would refuse any but CUDA devices."""
        super(DeepSpeedStrategy, self).setup_environment()

    def setup_distributed(self) -> None:
        """Connect the processes; Lightning would ask for CUDA device indices."""
        if not isinstance(self.accelerator, CPUAccelerator):
            super().setup_distributed()
            return
        self.set_world_ranks()
        self._init_deepspeed_distributed()

    @property
    def root_device(self) -> torch.device:
        """This rank's device."""
        if isinstance(self.accelerator, CPUAccelerator):
            return torch.device("cpu", 0)  # DeepSpeed asks for the index
        return super().root_device

    @contextmanager
    def loading(self, *, trained: bool) -> Iterator[None]:
        """Within, `from_pretrained` loads a network as this ZeRO stage wants it.

        At stage 3 a trained network is partitioned while it is read, and the frozen reference,
        which no engine will hold, stays whole on every rank.
        """
        if not self.zero_stage_3:
            yield
        elif trained:
            # transformers looks for it, also while generating: it must stay alive.
            self.hf_config = HfDeepSpeedConfig(self.config)
            yield
        else:
            from deepspeed.runtime.zero import partition_parameters

            unset_hf_deepspeed_config()
            partition_parameters.shutdown_init_context()
            try:
                yield
            finally:
                partition_parameters.restore_init_context()
                self.hf_config = HfDeepSpeedConfig(self.config)

    def whole_state_dict(self, module: torch.nn.Module) -> dict[str, torch.Tensor]:
        """The state dict put together from all ranks; every rank must call."""
        if not self.zero_stage_3:
            return module.state_dict()
        from deepspeed.runtime.zero.partition_parameters import GatheredParameters

        with GatheredParameters(list(module.parameters())):
            copies: dict[int, torch.Tensor] = {}  # tied weights stay one tensor
            return {
                name: copies.setdefault(x.data_ptr(), x.detach().cpu().clone())
                for name, x in module.state_dict().items()
            }
