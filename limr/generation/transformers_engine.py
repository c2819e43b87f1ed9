"""Rollouts by `transformers`' own `generate`: no extra dependency, any device, any architecture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from limr.generation.engine import RolloutEngine
from limr.types import PromptBatch, Responses, Sampling


class TransformersEngine(RolloutEngine):
    """Batched sampling with a key-value cache, in the training process."""

    def __init__(self, batch_size: int = 256) -> None:
        """Create the engine.

        Args:
            batch_size: Responses generated at a time; bounds the memory of the key-value cache.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        self.batch_size = batch_size

    @torch.no_grad()
    def generate(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        batch: PromptBatch,
        sampling: Sampling,
    ) -> Responses:
        """See `RolloutEngine.generate`."""
        eos_ids = end_of_sequence_ids(model, tokenizer)
        config = generation_config(sampling, eos_ids, tokenizer.pad_token_id)
        generate = cast(Callable[..., Tensor], model.generate)
        with only(model, config):
            chunks = [
                generate(input_ids=ids, attention_mask=mask.long())[:, ids.shape[1] :]
                for ids, mask in zip(
                    torch.split(batch.prompt_ids, self.batch_size),
                    torch.split(batch.prompt_mask, self.batch_size),
                    strict=True,
                )
            ]
        width = max(chunk.shape[1] for chunk in chunks)
        pad = torch.nn.functional.pad
        ids = torch.cat(
            [pad(c, (0, width - c.shape[1]), value=tokenizer.pad_token_id) for c in chunks]
        )
        mask, ended = response_mask(ids, eos_ids, sampling.max_response_tokens)
        return Responses(response_ids=ids, response_mask=mask, ended=ended)


def end_of_sequence_ids(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> tuple[int, ...]:
    """The ids that end a response: the tokenizer's and those of the model's generation config."""
    configured = model.generation_config.eos_token_id if model.generation_config else None
    if configured is None:
        configured = []
    elif isinstance(configured, int):
        configured = [configured]
    return tuple(sorted({int(tokenizer.eos_token_id), *map(int, configured)}))


@contextmanager
def only(model: PreTrainedModel, config: GenerationConfig) -> Iterator[None]:
    """Within, `generate` follows `config` alone.

    A config passed to `generate` inherits what it leaves unset from the model's own (a repetition
    penalty, say), so log-probabilities computed later would not be those the tokens were drawn
    with.
    """
    own, model.generation_config = model.generation_config, config
    try:
        yield
    finally:
        model.generation_config = own


def generation_config(
    sampling: Sampling, eos_ids: tuple[int, ...], pad_id: int
) -> GenerationConfig:
    """The asked-for distribution: temperature and nucleus, no top-k, no penalties."""
    options = {
        "max_new_tokens": sampling.max_response_tokens,
        "eos_token_id": list(eos_ids),
        "pad_token_id": pad_id,
        "do_sample": sampling.temperature > 0,
    }
    if sampling.temperature > 0:
        options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    return GenerationConfig(**options)


def response_mask(
    ids: Tensor, eos_ids: tuple[int, ...], max_response_tokens: int
) -> tuple[Tensor, Tensor]:
    """Which sampled ids belong to the response, from the first end-of-sequence token alone.

    The pad token is never consulted: in many models it is the end-of-sequence token.

    Args:
        ids: (B, T) int64 as generated; what follows the first end-of-sequence token is padding.
        eos_ids: The ids that end a response.
        max_response_tokens: The length limit; T is at most this.

    Returns:
        (B, T) bool mask, True up to and including the first end-of-sequence token; (B,) bool,
        whether there was one.
    """
    if ids.shape[1] > max_response_tokens:
        raise ValueError(f"{ids.shape[1]} tokens generated, the limit is {max_response_tokens}")
    is_eos = torch.isin(ids, torch.tensor(eos_ids, device=ids.device))
    eos_before = is_eos.long().cumsum(dim=1) - is_eos.long()
    return eos_before == 0, is_eos.any(dim=1)
