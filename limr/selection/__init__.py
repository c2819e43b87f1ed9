"""Which problems are worth training on, judged by what they taught so far."""

from limr.selection.choose import choose
from limr.selection.scores import alignment_scores, mean_reward_curve
from limr.selection.selectors import (
    LIM,
    METHODS,
    Linear,
    MeanBand,
    PassRate,
    Random,
    Selector,
    Slope,
    Variance,
)

__all__ = [
    "LIM",
    "METHODS",
    "Linear",
    "MeanBand",
    "PassRate",
    "Random",
    "Selector",
    "Slope",
    "Variance",
    "alignment_scores",
    "choose",
    "mean_reward_curve",
]
