"""The critic: the same base network with a scalar head, one value per response token."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from limr.models.policy import join


class _ValueHead(nn.Linear):
    """Starts at zero, already when it is made: DeepSpeed partitions it right after."""

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class Critic(nn.Module):
    """A transformer backbone with a scalar value head."""

    def __init__(self, backbone: PreTrainedModel) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = _ValueHead(backbone.config.hidden_size, 1, dtype=backbone.dtype)

    def forward(
        self, prompt_ids: Tensor, prompt_mask: Tensor, response_ids: Tensor, response_mask: Tensor
    ) -> Tensor:
        """Values V(s_t) of the states in which the response tokens were chosen.

        Args:
            prompt_ids: (B, L) int64, left-padded.
            prompt_mask: (B, L) bool.
            response_ids: (B, T) int64, right-padded.
            response_mask: (B, T) bool.

        Returns:
            (B, T) float32 in reward units; entry t sees the prompt and the tokens before t.
        """
        ids, mask, positions = join(prompt_ids, prompt_mask, response_ids, response_mask)
        hidden: Tensor = self.backbone(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state
        states = hidden[:, prompt_ids.shape[1] - 1 : -1]
        values: Tensor = self.head(states).squeeze(-1)
        return values.to(torch.float32, copy=True)  # FSDP2 must not be handed a view
