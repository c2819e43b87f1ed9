"""The policy: a causal language model seen as a distribution over responses."""

from typing import Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from limr.rl import response_entropy, response_logprobs


def join(
    prompt_ids: Tensor, prompt_mask: Tensor, response_ids: Tensor, response_mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Prompt and response as one sequence: ids, attention mask and position ids, each (B, L + T).

    Positions count kept tokens only, so left padding of the prompt shifts nothing.
    """
    mask = torch.cat([prompt_mask, response_mask], dim=1)
    ids = torch.cat([prompt_ids, response_ids], dim=1)
    positions = (mask.long().cumsum(dim=1) - 1).clamp(min=0)
    return ids, mask, positions


class Policy(nn.Module):
    """A causal language model with the one question PPO asks of it."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        prompt_ids: Tensor,
        prompt_mask: Tensor,
        response_ids: Tensor,
        response_mask: Tensor,
        *,
        temperature: float = 1.0,
        entropy: Literal["off", "measure", "train"] = "off",
    ) -> tuple[Tensor, Tensor | None]:
        """Log-probabilities of the response tokens and, on request, the entropy at each.

        Args:
            prompt_ids: (B, L) int64, left-padded.
            prompt_mask: (B, L) bool.
            response_ids: (B, T) int64, right-padded.
            response_mask: (B, T) bool.
            temperature: Divides the logits before the softmax.
            entropy: Whether to compute the entropy, and whether with a gradient (`train`).

        Returns:
            (B, T) float32 log-probabilities in nats (meaningless off the mask) and (B, T) entropies
            or None.
        """
        ids, mask, positions = join(prompt_ids, prompt_mask, response_ids, response_mask)
        num_tokens = response_ids.shape[1]
        logits = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            use_cache=False,
            logits_to_keep=num_tokens + 1,  # logits at position t predict token t + 1
        ).logits[:, :-1]
        logprobs = response_logprobs(logits, response_ids, temperature=temperature)
        if entropy == "off":
            return logprobs, None
        logits = logits if entropy == "train" else logits.detach()
        return logprobs, response_entropy(logits, temperature=temperature)
