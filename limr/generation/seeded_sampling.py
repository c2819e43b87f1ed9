"""Random tokens that depend on a row's own seed, whatever rows are beside it."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from limr.types import Sampling


class SeededSampling(LogitsProcessor):
    """Draws the next token of each row and leaves it as the only one that greedy decoding can take.

    `transformers` samples from one global generator, so that a response changes with the batch it
    is in and with the number of processes. Here token t of a row is the inverse distribution
    function at that row's t-th uniform number.
    """

    def __init__(
        self, sampling: Sampling, seeds: Sequence[int], prompt_tokens: int, device: torch.device
    ) -> None:
        """Prepare one call of `generate`.

        Args:
            sampling: Temperature above 0, nucleus mass, length limit.
            seeds: B seeds, one per row.
            prompt_tokens: L, the padded length of the prompts.
            device: Of the logits.
        """
        self.sampling = sampling
        self.prompt_tokens = prompt_tokens
        self.uniforms = uniforms(seeds, sampling.max_response_tokens).to(device)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (B, V) with 0 at the drawn token and -inf elsewhere.

        Raises:
            ValueError: If the logits define no distribution.
        """
        step = input_ids.shape[1] - self.prompt_tokens
        drawn = draw(scores, self.uniforms[:, step], self.sampling)
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn[:, None], 0.0)


def uniforms(seeds: Sequence[int], count: int) -> Tensor:
    """(B, count) float64 in [0, 1): row b depends on seeds[b] alone, on any machine."""
    generator = torch.Generator()
    return torch.stack(
        [torch.rand(count, dtype=torch.float64, generator=generator.manual_seed(s)) for s in seeds]
    )


def draw(logits: Tensor, u: Tensor, sampling: Sampling) -> Tensor:
    """Inverse-transform sampling of one token per row.

    Args:
        logits: (B, V) float.
        u: (B,) float64 in [0, 1).
        sampling: Temperature above 0 and nucleus mass; with `top_p` below 1 only the fewest, most
            likely tokens whose probabilities reach it together can be drawn.

    Returns:
        (B,) int64 token ids.

    Raises:
        ValueError: If a row of logits holds NaN or +inf, or nothing but -inf.

    References:
        Nucleus sampling: Holtzman et al. 2020, https://arxiv.org/abs/1904.09751, section 3.1.

    Example:
        >>> logits = torch.tensor([[0.25, 0.5, 0.25]]).log().expand(3, 3)
        >>> draw(logits, torch.tensor([0.2, 0.3, 0.8], dtype=torch.float64), Sampling())
        tensor([0, 1, 2])
    """
    probs = (logits.float() / sampling.temperature).softmax(dim=-1).double()
    if sampling.top_p < 1:
        ordered, order = probs.sort(dim=-1, descending=True, stable=True)
        outside = ordered.cumsum(dim=-1) - ordered >= sampling.top_p
        probs = probs.masked_fill(outside.scatter(1, order, outside), 0.0)
    cumulative = probs.cumsum(dim=-1)
    total = cumulative[:, -1:]
    if not torch.isfinite(total).all():
        raise ValueError(
            "the policy's logits are not finite, nothing can be sampled from it; the weights have "
            "diverged or are damaged"
        )
    drawn = torch.searchsorted(cumulative, u[:, None] * total, right=True)
    return drawn.clamp(max=logits.shape[-1] - 1).squeeze(1)
