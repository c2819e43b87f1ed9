"""Lightning modules and callbacks: how a run learns."""

from limr.training.ppo_config import PPOConfig
from limr.training.ppo_module import PPOModule

__all__ = ["PPOConfig", "PPOModule"]
