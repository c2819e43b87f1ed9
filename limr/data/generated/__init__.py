"""Problems made from a seed, without any download."""

from limr.data.generated.families import FAMILIES
from limr.data.generated.problems import (
    DEFAULT_MIX,
    SPLIT_PERCENT,
    GeneratedProblems,
    split_percentile,
)

__all__ = ["DEFAULT_MIX", "FAMILIES", "SPLIT_PERCENT", "GeneratedProblems", "split_percentile"]
