"""What a run's memory and length depend on, and nothing else of it."""

from dataclasses import dataclass
from typing import Literal

from transformers import PretrainedConfig

Kind = Literal["single", "ddp", "fsdp2", "zero2", "zero3"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network of the run, as far as its memory goes."""

    config: PretrainedConfig
    """Its architecture."""
    weight_bytes: int
    """Of one weight as it is kept and trained."""
    checkpointing: bool = False
    """Whether activations are recomputed in the backward pass."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How the run lies on its devices."""

    kind: Kind
    ranks: int
    """Processes, one device each."""
    compute_bytes: int
    """Of one number in a forward pass."""
    offload_optimizer: bool = False
    """Optimizer state in the host's memory (DeepSpeed)."""
    offload_parameters: bool = False
    """Weights in the host's memory (DeepSpeed stage 3)."""

    @property
    def sharded(self) -> bool:
        """Whether weights are cut over the ranks."""
        return self.kind in ("fsdp2", "zero3")


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The tensors that a run computes on."""

    micro_batch: int
    """Responses of one forward pass in the update."""
    generation_batch: int
    """Responses generated at a time on one rank; 0 where another process generates."""
    prompt_tokens: int
    """Longest prompt."""
    response_tokens: int
    """Longest response."""
    entropy_gradient: bool = False
    """Whether the entropy has a gradient."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """A run as the planner sees it."""

    policy: Network
    critic: Network | None
    reference: bool
    placement: Placement
    workload: Workload
    optimizer_states: int
    """Numbers that the optimizer keeps for each weight: 2 for Adam."""
