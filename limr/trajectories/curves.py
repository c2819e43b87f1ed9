"""Each problem's reward over the epochs of a run, from a store of any size.

Files are read and summed several at a time; memory holds the curves, the sums of as many problems
again and a few files, never the store.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow
from numpy.typing import NDArray

from limr.trajectories.store import StepFiles

_FEWEST_AT_ONCE = 100_000
"""Problem ids that are looked up together, at least: each time costs a table of all known ids."""


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
    weights: NDArray[np.float64] | None = None
    """(N, K) float64 > 0, how many of the run's problems each cell stands for where only some were
    seen by design (read where seen); None is 1 throughout."""

    def __post_init__(self) -> None:
        shape = (len(self.problem_ids), len(self.epochs))
        parts = ["accuracy", "score", "samples", *["weights"] * (self.weights is not None)]
        for name in parts:
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
            weights=None if self.weights is None else self.weights[:, :count],
        )

    def of_problems(self, problem_ids: Sequence[str]) -> "RewardCurves":
        """The curves of these problems, unseen where there are none; without weights.

        Args:
            problem_ids: N distinct ids in any order; problems that are not among them are left out.
        """
        ids = np.array(sorted(problem_ids), dtype=str)
        known = np.isin(self.problem_ids, ids)
        rows = np.searchsorted(ids, self.problem_ids[known])
        shape = (len(ids), len(self.epochs))
        accuracy, score = np.full(shape, np.nan), np.full(shape, np.nan)
        samples = np.zeros(shape, np.int32)
        accuracy[rows], score[rows] = self.accuracy[known], self.score[known]
        samples[rows] = self.samples[known]
        return RewardCurves(ids, self.epochs, accuracy, score, samples)


def read_reward_curves(dirpath: str | Path, *, threads: int = 4) -> RewardCurves:
    """Every problem's share of correct responses and mean score, epoch by epoch.

    All responses to a problem within an epoch count alike, over steps, ranks and repeats.

    Args:
        dirpath: A run's folder, a local path or an fsspec URL.
        threads: Files read at the same time.

    Raises:
        ValueError: If there are no trajectories, a file is damaged or of another version, or the
            files come from more than one run.
    """
    files = StepFiles(dirpath)
    paths = files.existing_paths()
    totals = _Totals()
    owner = None
    for path, tally in zip(paths, _map(partial(_tally, files), paths, threads), strict=True):
        for run_id in tally.run_ids:
            if owner not in (None, run_id):
                raise ValueError(
                    f"{path} holds rows of run {run_id!r}, the files before it those of run "
                    f"{owner!r}; keep one run per folder"
                )
            owner = run_id
        totals.add(tally)
    if owner is None:
        raise ValueError(f"{files.uri} holds no responses, only empty steps")
    return totals.curves()


class _Tally(NamedTuple):
    """One file's sums."""

    run_ids: list[str]
    problem_ids: pyarrow.StringArray
    epochs: NDArray[np.int32]
    sums: NDArray[np.float64]
    """(3, problems, epochs): responses, correct ones, sum of scores."""


def _tally(files: StepFiles, path: str) -> _Tally:
    texts = ["run_id", "problem_id", "status"]
    table = files.read(path, [*texts, "epoch", "score"], dictionaries=texts).unify_dictionaries()
    columns = (column.combine_chunks() for column in table.columns)
    runs, problems, statuses, epoch, score = columns
    epochs, epoch_index = np.unique(_numbers(epoch), return_inverse=True)
    shape = (len(problems.dictionary), len(epochs))
    group = _numbers(problems.indices) * len(epochs) + epoch_index
    is_correct = np.array([status == "correct" for status in statuses.dictionary.to_pylist()])
    weights = (None, is_correct[_numbers(statuses.indices)], _numbers(score))
    sums = [np.bincount(group, w, minlength=shape[0] * shape[1]).reshape(shape) for w in weights]
    return _Tally(
        run_ids=runs.dictionary.to_pylist(),
        problem_ids=problems.dictionary,
        epochs=epochs,
        sums=np.array(sums, np.float64),
    )


def _numbers(column: pyarrow.Array) -> NDArray[Any]:
    return np.from_dlpack(column)  # pyarrow's own to_numpy loads pandas, for a third of a second


class _Totals:
    """Sums over all files; a problem's row is its place in order of appearance."""

    def __init__(self) -> None:
        self._problem_ids = pyarrow.nulls(0, pyarrow.string())
        self._sums: dict[int, NDArray[np.float64]] = {}
        self._waiting: list[_Tally] = []
        self._waiting_ids = 0

    def add(self, tally: _Tally) -> None:
        """Take a file's sums in; now and then, as many at once as keep the time linear."""
        if len(tally.problem_ids):
            self._waiting.append(tally)
            self._waiting_ids += len(tally.problem_ids)
        if self._waiting_ids > max(_FEWEST_AT_ONCE, len(self._problem_ids)):
            self._add_waiting()

    def _add_waiting(self) -> None:
        # one hash table over the known ids and the waiting ones: the known keep their rows
        ids = [self._problem_ids, *(tally.problem_ids for tally in self._waiting)]
        encoded = pyarrow.concat_arrays(ids).dictionary_encode()
        self._problem_ids = encoded.dictionary
        _, *parts = np.split(_numbers(encoded.indices), np.cumsum([len(part) for part in ids[:-1]]))
        for tally, rows in zip(self._waiting, parts, strict=True):
            for column, epoch in enumerate(tally.epochs.tolist()):
                sums = _widened(self._sums.get(epoch, np.zeros((3, 0))), len(self._problem_ids))
                sums[:, rows] += tally.sums[:, :, column]
                self._sums[epoch] = sums
        self._waiting, self._waiting_ids = [], 0

    def curves(self) -> RewardCurves:
        """The curves, once everything was added; the sums are used up."""
        self._add_waiting()
        problem_ids = np.array(self._problem_ids.to_pylist(), str)
        order = np.argsort(problem_ids)
        epochs = sorted(self._sums)
        shape = (len(order), len(epochs))
        accuracy, score = np.full(shape, np.nan), np.full(shape, np.nan)
        samples = np.zeros(shape, np.int32)
        for column, epoch in enumerate(epochs):
            sums = _widened(self._sums.pop(epoch), len(order))
            count, correct, total = sums[:, order]
            samples[:, column] = count
            np.divide(correct, count, out=accuracy[:, column], where=count > 0)
            np.divide(total, count, out=score[:, column], where=count > 0)
        return RewardCurves(problem_ids[order], np.array(epochs), accuracy, score, samples)


def _widened(sums: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    missing = width - sums.shape[1]
    return np.pad(sums, ((0, 0), (0, missing))) if missing else sums


_In = TypeVar("_In")
_Out = TypeVar("_Out")


def _map(function: Callable[[_In], _Out], items: Sequence[_In], threads: int) -> Iterator[_Out]:
    """`map` in threads, in order, that never runs more than a few items ahead."""
    waiting: deque[Future[_Out]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
