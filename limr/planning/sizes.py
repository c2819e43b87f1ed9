"""How many numbers a network has and where they lie, counted on the meta device."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, PretrainedConfig

from limr.models import Critic
from limr.models.sharding import decoder_layers


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """One network's counts of weights, and the widths that its activations depend on."""

    total: int
    """Weights, tied ones once."""
    local: int
    """Of them on one rank when each is cut along its first dimension, padding included."""
    block: int
    """In the largest transformer block."""
    root: int
    """Outside the blocks: embeddings, head, last norm."""
    layers: int
    hidden: int
    intermediate: int
    queries: int
    """Width of all query heads together."""
    keys: int
    """Width of all key heads together."""
    vocabulary: int


def count_policy(config: PretrainedConfig, ranks: int) -> Sizes:
    """The language model's sizes; `ranks` is how many share its weights."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    return _count(model, config, ranks)


def count_critic(config: PretrainedConfig, ranks: int) -> Sizes:
    """The same for the network that has a scalar head instead."""
    with torch.device("meta"):
        critic = Critic(AutoModel.from_config(config, attn_implementation="sdpa"))
    return _count(critic, config, ranks)


def _count(module: nn.Module, config: Any, ranks: int) -> Sizes:
    blocks = [_elements(layer.parameters()) for layer in decoder_layers(module)]
    total = _elements(module.parameters())
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    return Sizes(
        total=total,
        local=sum(_share(p.shape, ranks) for p in module.parameters()),
        block=max(blocks),
        root=total - sum(blocks),
        layers=len(blocks),
        hidden=config.hidden_size,
        intermediate=config.intermediate_size,
        queries=heads * head_dim,
        keys=config.num_key_value_heads * head_dim,
        vocabulary=config.vocab_size,
    )


def _elements(parameters: Iterable[nn.Parameter]) -> int:
    return sum(p.numel() for p in parameters)


def _share(shape: torch.Size, ranks: int) -> int:
    return -(-shape[0] // ranks) * prod(shape[1:])
