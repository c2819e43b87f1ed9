"""Random ragged batches, and poison for what lies under a mask."""

import math

import numpy as np
import torch
from torch import Tensor

POISONS = (math.nan, math.inf, -math.inf, 1e30)


def ragged_mask(lengths: list[int], width: int | None = None) -> Tensor:
    width = max([*lengths, 1]) if width is None else width
    return torch.arange(width) < torch.tensor(lengths).unsqueeze(1)


def random_lengths(rng: np.random.Generator, rows: int, longest: int) -> list[int]:
    return [int(n) for n in rng.integers(1, longest + 1, size=rows)]


def normal(rng: np.random.Generator, mask: Tensor, scale: float = 1.0) -> Tensor:
    return torch.tensor(scale * rng.standard_normal(tuple(mask.shape)), dtype=torch.float64)


def poison(x: Tensor, mask: Tensor, value: float) -> Tensor:
    return x.detach().masked_fill(~mask, value)


def kept_rows(x: Tensor, mask: Tensor) -> list[list[float]]:
    """Each row's kept entries as plain floats, read one by one."""
    return [
        [float(x[i, t]) for t in range(x.shape[1]) if bool(mask[i, t])] for i in range(x.shape[0])
    ]
