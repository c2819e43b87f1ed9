"""The networks of a run: policy, critic and frozen reference, and how their weights are found."""

from limr.models.critic import Critic
from limr.models.loading import Pretrained, load_tokenizer, resolve_pretrained
from limr.models.policy import Policy

__all__ = ["Critic", "Policy", "Pretrained", "load_tokenizer", "resolve_pretrained"]
