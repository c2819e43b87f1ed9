"""Rollouts by `transformers`' own `generate`: no extra dependency, any device, any architecture."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from limr.generation.engine import RolloutEngine
from limr.generation.seeded_sampling import SeededSampling
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
        seeds: Sequence[int],
    ) -> Responses:
        """See `RolloutEngine.generate`."""
        if len(seeds) != len(batch.prompt_ids):
            raise ValueError(f"{len(seeds)} seeds for {len(batch.prompt_ids)} prompts")
        eos_ids = end_of_sequence_ids(model, tokenizer)
        config = generation_config(sampling, eos_ids, tokenizer.pad_token_id)
        generate = cast(Callable[..., Tensor], model.generate)
        chunks = []
        with only(model, config):
            for start in range(0, len(seeds), self.batch_size):
                rows = slice(start, start + self.batch_size)
                ids, mask = batch.prompt_ids[rows], batch.prompt_mask[rows]
                processors = (
                    [SeededSampling(sampling, seeds[rows], ids.shape[1], ids.device)]
                    if sampling.temperature > 0
                    else []
                )
                output = generate(
                    input_ids=ids,
                    attention_mask=mask.long(),
                    logits_processor=processors,
                )
                chunks.append(output[:, ids.shape[1] :])
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
    """The most likely token each time, no penalties; `SeededSampling` makes the drawn one so."""
    return GenerationConfig(
        max_new_tokens=sampling.max_response_tokens,
        eos_token_id=list(eos_ids),
        pad_token_id=pad_id,
        do_sample=False,
    )


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
