"""Engines that turn prompts into sampled responses."""

from limr.generation.engine import RolloutEngine
from limr.generation.transformers_engine import TransformersEngine

__all__ = ["RolloutEngine", "TransformersEngine"]
