"""Each problem's reward over the epochs of a run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class RewardCurves:
    """Reward curves of N problems over K epochs; NaN where a problem was not seen."""

    problem_ids: NDArray[np.str_]
    """(N,) str, ascending."""
    epochs: NDArray[np.int64]
    """(K,) int64, ascending: the epochs that have rows."""
    accuracy: NDArray[np.float64]
    """(N, K) float64, share of the responses with status ``correct``."""
    score: NDArray[np.float64]
    """(N, K) float64, mean score."""
    samples: NDArray[np.int32]
    """(N, K) int32, number of responses, 0 where not seen."""

    def __post_init__(self) -> None:
        shape = (len(self.problem_ids), len(self.epochs))
        for name in ("accuracy", "score", "samples"):
            if (found := getattr(self, name).shape) != shape:
                raise ValueError(f"{name} must be (problems, epochs) = {shape}, got {found}")
        for name in ("problem_ids", "epochs"):
            values = getattr(self, name)
            if not (values[1:] > values[:-1]).all():
                raise ValueError(f"{name} must be ascending, each once")

    def select_epochs(self, upto: int) -> "RewardCurves":
        """The curves of the epochs up to and including `upto`, of all problems."""
        count = int(np.searchsorted(self.epochs, upto, side="right"))
        return RewardCurves(
            problem_ids=self.problem_ids,
            epochs=self.epochs[:count],
            accuracy=self.accuracy[:, :count],
            score=self.score[:, :count],
            samples=self.samples[:, :count],
        )
