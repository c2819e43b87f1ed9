"""Log-probabilities and entropy of response tokens, in nats and in float32.

With a vocabulary of 150k, ``(B, T, V)`` is the largest tensor of the run. Both functions then walk
it a few responses at a time, hold a float32 copy of only those, and recompute it in the backward
pass: autograd keeps nothing of that size but the logits themselves, in the model's own precision.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

CHUNK_ELEMENTS = 2**26
"""Logits worked on at once: 256 MiB as float32 (one response at least)."""


def response_logprobs(logits: Tensor, ids: Tensor, *, temperature: float = 1.0) -> Tensor:
    r"""Log-probability of each response token.

    .. math:: \log \pi(y_t) = \frac{z_{t, y_t}}{\tau} - \log \sum_v \exp \frac{z_{t,v}}{\tau}

    Use the temperature the responses were sampled at, or importance ratios and KL are those of
    another distribution than the one that was sampled.

    Args:
        logits: ``(B, T, V)`` float, already shifted: ``logits[:, t]`` predicts ``ids[:, t]``.
        ids: ``(B, T)`` int64 in ``[0, V)``, at padding too (any valid id will do there).
        temperature: Softmax temperature :math:`\tau`, > 0.

    Returns:
        ``(B, T)`` float32 (float64 for float64 logits), nats, <= 0.

    Raises:
        ValueError: If the shapes do not fit, or the temperature is not positive.

    Example:
        >>> logits = torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])
        >>> response_logprobs(logits, torch.tensor([[0, 1]])).exp()
        tensor([[0.5000, 0.5000]])
    """
    _check(logits, temperature)
    if ids.shape != logits.shape[:-1] or ids.dtype != torch.int64:
        raise ValueError(
            f"ids must be int64 of shape {tuple(logits.shape[:-1])} to fit the logits, got "
            f"{ids.dtype} of shape {tuple(ids.shape)}"
        )

    def chunk_logprobs(chunk: Tensor, chunk_ids: Tensor) -> Tensor:
        logprobs = _scaled(chunk, temperature).log_softmax(dim=-1)
        return logprobs.gather(-1, chunk_ids.unsqueeze(-1)).squeeze(-1)

    return _by_chunks(chunk_logprobs, logits, ids)


def response_entropy(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    r"""Entropy of the distribution each response token was drawn from.

    .. math:: H_t = -\sum_v p_{t,v} \log p_{t,v}, \qquad p_t = \mathrm{softmax}(z_t / \tau)

    Args:
        logits: ``(B, T, V)`` float. An entry of -inf is a token that cannot be drawn and adds 0.
        temperature: Softmax temperature :math:`\tau`, > 0.

    Returns:
        ``(B, T)`` float32 (float64 for float64 logits), nats, in ``[0, log V]``.

    Raises:
        ValueError: If the logits are not ``(B, T, V)``, or the temperature is not positive.

    Example:
        >>> response_entropy(torch.zeros(1, 1, 4)).exp()
        tensor([[4.]])
    """
    _check(logits, temperature)

    def chunk_entropy(chunk: Tensor) -> Tensor:
        logprobs = _scaled(chunk, temperature).log_softmax(dim=-1)
        return -(logprobs.exp() * logprobs.masked_fill(logprobs.isneginf(), 0.0)).sum(dim=-1)

    return _by_chunks(chunk_entropy, logits)


def _check(logits: Tensor, temperature: float) -> None:
    if logits.ndim != 3 or not logits.is_floating_point():
        raise ValueError(
            f"logits must be float (B, T, V), got {logits.dtype} of shape {tuple(logits.shape)}"
        )
    if not temperature > 0:
        raise ValueError(
            f"temperature must be > 0, got {temperature}; greedy decoding has no log-probabilities"
        )


def _scaled(logits: Tensor, temperature: float) -> Tensor:
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return wide if temperature == 1 else wide / temperature


def _by_chunks(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Apply ``function`` to a few rows of every tensor at a time, small tensors at once."""
    if tensors[0].numel() <= CHUNK_ELEMENTS:
        return function(*tensors)
    rows = max(1, CHUNK_ELEMENTS // max(1, tensors[0][:1].numel()))
    chunks = zip(*(torch.split(tensor, rows) for tensor in tensors), strict=True)
    return torch.cat(
        [
            checkpoint(function, *chunk, use_reentrant=False, preserve_rng_state=False)
            for chunk in chunks
        ]
    )
