"""A store as it stood at one moment: all that the pages show, but for the responses' texts."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from limr.selection import LIM, mean_reward_curve
from limr.selection.scores import Floats, Missing, divide
from limr.trajectories import RewardCurves, StepFiles, read_reward_curves
from limr.types import Status

STATUSES: tuple[str, ...] = get_args(Status)
assert LIM.default_threshold is not None
THRESHOLD: float = LIM.default_threshold
"""LIM's own, from which on a problem is selected."""

_THREADS = 4
_KEPT_PROBLEMS = 4


class Asked(NamedTuple):
    """What is known of a problem besides its responses."""

    prompt: str = ""
    answer: str = ""
    family: str = ""
    level: str = ""


class Response(NamedTuple):
    """A row of the store, without what all rows of its problem share."""

    epoch: int
    step: int
    sample: int
    score: float
    status: str
    response_length: int
    truncated: bool
    policy_version: int
    answer: str | None
    reason: str | None
    response: str | None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """N problems over K epochs; a problem is known by its row."""

    files: StepFiles
    curves: RewardCurves
    """All problems that have rows or were asked."""
    asked: tuple[Asked, ...]
    """N, empty where nothing is known."""
    missing: Missing
    """LIM's rule for epochs without a reward."""
    verdicts: NDArray[np.int64]
    """(K, statuses) responses, in the order of :data:`STATUSES`."""
    paths: tuple[str, ...]
    places: tuple[NDArray[np.intp], NDArray[np.intp]]
    """(N + 1,) where each problem's files begin among the second, numbers into `paths`."""
    unknown: int
    """Problems with rows that the problem file lacks, 0 where there is no such file."""

    @cached_property
    def scores(self) -> Floats:
        """(N,) LIM's, NaN where a problem is not eligible."""
        return LIM(missing=self.missing).scores(self.curves)

    @cached_property
    def ranks(self) -> NDArray[np.intp]:
        """(N,) 1 for the best score, the same for equal ones; meaningless where there is none."""
        ascending = np.sort(self.scores[self.eligible])
        return 1 + len(ascending) - np.searchsorted(ascending, self.scores, side="right")

    @cached_property
    def eligible(self) -> NDArray[np.bool_]:
        """(N,) which problems have a score."""
        return ~np.isnan(self.scores)

    @cached_property
    def average(self) -> Floats:
        """(K,) the average curve that LIM compares with, NaN for an epoch without one."""
        return mean_reward_curve(self.curves.accuracy, missing=self.missing)

    @cached_property
    def visits(self) -> NDArray[np.int64]:
        """(N,) epochs in which a problem was seen."""
        return np.asarray(np.count_nonzero(self.curves.samples, axis=1))

    @cached_property
    def seen(self) -> int:
        """Problems that have rows."""
        return int(np.count_nonzero(self.visits))

    @cached_property
    def mean_score(self) -> Floats:
        """(N,) mean over the seen epochs' mean rewards, NaN where never seen."""
        return _mean_over_seen(self.curves.score)

    @cached_property
    def last_accuracy(self) -> Floats:
        """(N,) in the last epoch in which a problem was seen, NaN where never seen."""
        seen = self.curves.samples > 0
        last = seen.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
        return np.asarray(self.curves.accuracy[np.arange(len(last)), last])

    @cached_property
    def searchable(self) -> list[str]:
        """(N,) each problem's id, prompt and answer in one text, folded for comparison."""
        return [
            "\n".join([key, known.prompt, known.answer]).casefold()
            for key, known in zip(self.curves.problem_ids.tolist(), self.asked, strict=True)
        ]

    @cached_property
    def families(self) -> list[str]:
        """All families that have a name."""
        return sorted({known.family for known in self.asked} - {""})

    def row(self, problem_id: str) -> int | None:
        """A problem's row, None where there is no such problem."""
        ids = self.curves.problem_ids
        place = int(np.searchsorted(ids, problem_id))
        return place if place < len(ids) and str(ids[place]) == problem_id else None

    def lacking(self, row: int) -> list[int]:
        """The epochs for want of which a problem is not eligible, [] where it is."""
        seen = self.curves.samples[row] > 0
        if self.missing == "ignore":
            lacks = ~seen if not seen.any() else np.zeros_like(seen)
        elif self.missing == "backfill":
            lacks = ~(seen | np.append(seen[1:], [False]))
        else:
            lacks = ~seen
        return [int(epoch) for epoch in self.curves.epochs[lacks]]

    def responses(self, row: int) -> list[Response]:
        """A problem's responses by epoch, step and sample; those of a few problems are kept.

        Raises:
            ValueError: If a file is damaged, or gone since the snapshot was made.
        """
        return self._kept(row)

    @cached_property
    def _kept(self) -> Callable[[int], list[Response]]:
        return lru_cache(_KEPT_PROBLEMS)(self._responses)

    def _responses(self, row: int) -> list[Response]:
        starts, numbers = self.places
        paths = [self.paths[n] for n in numbers[starts[row] : starts[row + 1]]]
        read = partial(_responses_in, self.files, str(self.curves.problem_ids[row]))
        with ThreadPoolExecutor(_THREADS) as pool:
            found = [response for part in pool.map(read, paths) for response in part]
        return sorted(found, key=lambda response: response[:3])


def take_snapshot(
    dirpath: str, asked: Mapping[str, Asked] | None, missing: Missing = "backfill"
) -> Snapshot:
    """Read a store.

    Args:
        dirpath: The folder, a local path or an fsspec URL.
        asked: What is known of the problems, by id; None is nothing.
        missing: LIM's rule for epochs without a reward.

    Raises:
        ValueError: If there are no trajectories, a file is damaged or of another version, or the
            files come from more than one run.
    """
    files = StepFiles(dirpath)
    paths = files.existing_paths()
    curves = read_reward_curves(dirpath, threads=_THREADS)
    unknown = 0
    if asked is not None:
        seen = curves.problem_ids.tolist()
        unknown = len({*seen} - {*asked})
        curves = curves.of_problems([*{*seen, *asked}])
    known = asked or {}
    with ThreadPoolExecutor(_THREADS) as pool:
        tallies = list(pool.map(partial(_tally, files), paths))
    return Snapshot(
        files=files,
        curves=curves,
        asked=tuple(known.get(key, Asked()) for key in curves.problem_ids.tolist()),
        missing=missing,
        verdicts=_verdicts(tallies, curves.epochs),
        paths=tuple(paths),
        places=_places(tallies, curves.problem_ids),
        unknown=unknown,
    )


class _Tally(NamedTuple):
    """What one file holds."""

    problem_ids: NDArray[np.str_]
    verdicts: dict[int, NDArray[np.int64]]
    """By epoch: responses, in the order of :data:`STATUSES`."""


def _tally(files: StepFiles, path: str) -> _Tally:
    texts = ["problem_id", "status"]
    table = files.read(path, [*texts, "epoch"], dictionaries=texts).unify_dictionaries()
    problems, statuses, epoch = (column.combine_chunks() for column in table.columns)
    columns = np.array([STATUSES.index(name) for name in statuses.dictionary.to_pylist()], int)
    status, epochs = columns[np.from_dlpack(statuses.indices)], np.from_dlpack(epoch)
    return _Tally(
        np.array(problems.dictionary.to_pylist(), str),
        {
            int(number): np.bincount(status[epochs == number], minlength=len(STATUSES))
            for number in np.unique(epochs)
        },
    )


def _verdicts(tallies: Sequence[_Tally], epochs: NDArray[np.int64]) -> NDArray[np.int64]:
    counts = np.zeros((len(epochs), len(STATUSES)), np.int64)
    for tally in tallies:
        for epoch, found in tally.verdicts.items():
            counts[np.searchsorted(epochs, epoch)] += found
    return counts


def _places(
    tallies: Sequence[_Tally], problem_ids: NDArray[np.str_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows = [np.searchsorted(problem_ids, tally.problem_ids) for tally in tallies]
    numbers = np.repeat(np.arange(len(rows)), [len(part) for part in rows])
    together = np.concatenate(rows)
    order = np.argsort(together, kind="stable")
    starts = np.searchsorted(together[order], np.arange(len(problem_ids) + 1))
    return starts, numbers[order]


def _responses_in(files: StepFiles, problem_id: str, path: str) -> list[Response]:
    rows = files.read_problem(path, problem_id).select(Response._fields)
    columns: list[list[Any]] = [column.to_pylist() for column in rows.columns]
    return [Response(*row) for row in zip(*columns, strict=True)]


def _mean_over_seen(values: Floats) -> Floats:
    seen = ~np.isnan(values)
    return divide(np.where(seen, values, 0.0).sum(axis=1), seen.sum(axis=1), otherwise=np.nan)
