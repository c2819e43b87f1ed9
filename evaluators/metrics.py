"""What a benchmark's graded responses add up to: means over questions, with an interval.

Everything is a mean over *questions* of the mean over that question's samples (avg@n), so a
question counts once however many responses it has. The pure functions do the arithmetic in numpy;
the torchmetrics class only collects the columns, from every rank.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm
from torch import Tensor
from torchmetrics import Metric

from limr.types import GradedResponses

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
"""Level of every interval shown or logged."""

_BLOCK = 2**22
"""Bootstrap draws held in memory at once."""


class Summary(NamedTuple):
    """One row of the evaluation table; shares are in [0, 1]."""

    questions: int
    """Distinct questions."""
    responses: int
    """Graded responses."""
    accuracy: float
    """Mean over questions of the share of correct samples."""
    accuracy_low: float
    """Lower end of the 95 % interval of the accuracy."""
    accuracy_high: float
    """Upper end of the 95 % interval of the accuracy."""
    format_rate: float
    """Share of responses that are not malformed."""
    truncated: float
    """Share of responses cut at the length limit."""
    response_length: float
    """Mean length in tokens, the end-of-sequence token included."""


def question_means(values: Floats, questions: NDArray[np.int64]) -> Floats:
    """Mean of `values` within each question, questions in ascending order of their key.

    Args:
        values: (B,) or (B, C), one row per response.
        questions: (B,) int64 key of each response's question.

    Returns:
        (Q,) or (Q, C).

    Example:
        >>> question_means(np.array([1.0, 0.0, 1.0]), np.array([7, 7, 3])).tolist()
        [1.0, 0.5]
    """
    keys, index, counts = np.unique(questions, return_inverse=True, return_counts=True)
    sums = np.zeros((len(keys), *values.shape[1:]))
    np.add.at(sums, index, values)
    return sums / counts.reshape(-1, *[1] * (values.ndim - 1))


def wilson_interval(share: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a binomial share: `share` of `n` independent yes/no trials.

    Unlike the bootstrap it keeps a width when all trials agree: none of 200 solved is [0, 0.019].

    References:
        Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    z = float(norm.ppf((1 + confidence) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_interval(
    values: Floats, *, confidence: float = CONFIDENCE, resamples: int = 4000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values`, resampling questions.

    Args:
        values: (Q,) one value per question.
        confidence: Coverage aimed at, in (0, 1).
        resamples: Bootstrap samples; at 4000 the ends wobble by 4 % of the standard error.
        seed: Fixed, so that a table printed twice is the same table.

    References:
        Efron 1979, https://doi.org/10.1214/aos/1176344552
    """
    rng = np.random.default_rng(seed)
    size = len(values)
    rows = max(1, _BLOCK // size)
    means = np.concatenate(
        [
            values[rng.integers(size, size=(min(rows, resamples - start), size))].mean(axis=1)
            for start in range(0, resamples, rows)
        ]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def accuracy_interval(shares: Floats, *, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of (Q,) shares of correct samples, one per question.

    With several samples per question the shares are anything in [0, 1] and questions are resampled.
    When every share is 0 or 1 (one sample, greedy decoding) the number of solved questions is
    binomial and Wilson's interval is used: it stays right near 0 and 1, where the bootstrap
    collapses.
    """
    if np.isin(shares, (0.0, 1.0)).all():
        return wilson_interval(float(shares.mean()), len(shares))
    return bootstrap_interval(shares, seed=seed)


def newcombe_interval(
    before: Floats, after: Floats, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    r"""Newcombe's interval of the change of a share of yes among the same :math:`n` questions.

    The two Wilson intervals :math:`[l_1, u_1]` of the later share :math:`p_1` and :math:`[l_2,
    u_2]` of the earlier :math:`p_2` are squared and added like independent errors, less what the
    pairing takes away by the correlation :math:`\phi` of the two answers:

    .. math::
        p_1 - p_2 - \sqrt{(p_1 - l_1)^2 - 2 \phi (p_1 - l_1)(u_2 - p_2) + (u_2 - p_2)^2}
        \quad\text{to}\quad
        p_1 - p_2 + \sqrt{(u_1 - p_1)^2 - 2 \phi (u_1 - p_1)(p_2 - l_2) + (p_2 - l_2)^2}

    A positive :math:`\phi` is continuity-corrected by :math:`n / 2`, and is 0 when one share is
    0 or 1. Unlike the bootstrap the interval keeps a width when all questions change alike.

    Args:
        before: (Q,) 0 or 1 per question.
        after: (Q,) the same, later.
        confidence: Coverage aimed at, in (0, 1).

    References:
        Newcombe 1998, Statistics in Medicine 17, 2635-2650, method 10,
        https://doi.org/10.1002/(SICI)1097-0258(19981130)17:22%3C2635::AID-SIM954%3E3.0.CO;2-C

    Example:
        >>> low, high = newcombe_interval(np.zeros(8), np.ones(8))
        >>> round(low, 3), round(high, 3)
        (0.541, 1.0)
    """
    n = len(before)
    p1, p2 = float(after.mean()), float(before.mean())
    (l1, u1), (l2, u2) = (wilson_interval(p, n, confidence) for p in (p1, p2))
    # ad - bc of the 2 x 2 table, over n^2
    association = float((before * after).mean()) - p1 * p2
    if association > 0:
        association = max(0.0, association - 1 / (2 * n))
    scale = float(np.sqrt(p1 * (1 - p1) * p2 * (1 - p2)))
    phi = association / scale if scale else 0.0

    def add(a: float, b: float) -> float:
        return float(np.sqrt(max(0.0, a**2 - 2 * phi * a * b + b**2)))

    return p1 - p2 - add(p1 - l1, u2 - p2), p1 - p2 + add(u1 - p1, p2 - l2)


def paired_change(
    before: Mapping[str, float], after: Mapping[str, float], *, seed: int = 0
) -> tuple[float, float, float]:
    """Mean change of the questions measured both times, with its 95 % interval.

    Each question is compared with itself, so that some questions being harder than others does not
    widen the interval; it is narrower than the two intervals of the accuracies suggest. It is
    Newcombe's where every share is 0 or 1, as Wilson's in :func:`accuracy_interval`, and the
    bootstrap's over questions otherwise.

    Args:
        before: Share of correct samples by question.
        after: The same, later.
        seed: Seed of the bootstrap over questions.

    Returns:
        Mean, low and high, each in [-1, 1].

    Raises:
        ValueError: If no question was measured both times.
    """
    both = sorted(before.keys() & after.keys())
    if not both:
        raise ValueError("nothing to compare: no question was measured both times")
    old, new = (np.array([shares[key] for key in both]) for shares in (before, after))
    changes = new - old
    if np.isin([old, new], (0.0, 1.0)).all():
        return float(changes.mean()), *newcombe_interval(old, new)
    return float(changes.mean()), *bootstrap_interval(changes, seed=seed)


def response_columns(graded: GradedResponses) -> tuple[Tensor, Tensor]:
    """The columns that :func:`summarise` needs, one row per response.

    A response that could not be judged (timeout, error, unreadable gold) counts as not correct.

    Returns:
        (B,) int64 question keys and (B, 4) float32: correct, well-formed, truncated, length.
    """
    questions = [question_key(problem.id) for problem in graded.problems]
    rows = [
        (verdict.status == "correct", verdict.status != "malformed", truncated, length)
        for verdict, truncated, length in zip(
            graded.verdicts, graded.truncated, graded.lengths, strict=True
        )
    ]
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    return torch.tensor(questions, dtype=torch.int64), values


def question_key(problem_id: str) -> int:
    """A signed 64-bit key of a problem id, the same in every process."""
    digest = hashlib.blake2b(problem_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def summarise(questions: NDArray[np.int64], values: Floats, *, seed: int = 0) -> Summary:
    """Summary of (B,) question keys and (B, 4) columns as :func:`response_columns` returns them.

    Raises:
        ValueError: If there is no response.
    """
    if len(questions) == 0:
        raise ValueError("nothing to summarise: the benchmark has no responses")
    per_question = question_means(values, questions)
    accuracy, format_rate, truncated, length = per_question.mean(axis=0).tolist()
    low, high = accuracy_interval(per_question[:, 0], seed=seed)
    return Summary(
        questions=len(per_question),
        responses=len(questions),
        accuracy=accuracy,
        accuracy_low=low,
        accuracy_high=high,
        format_rate=format_rate,
        truncated=truncated,
        response_length=length,
    )


class BenchmarkMetrics(Metric):
    """:class:`Summary` of all responses seen on all ranks.

    The state is the rows themselves, concatenated over ranks, so that any split of the questions
    over ranks, uneven or repeating some, gives the numbers of a single process.

    Args:
        seed: Seed of the bootstrap.

    Example:
        >>> from limr.types import Problem, Verdict
        >>> metric = BenchmarkMetrics()
        >>> metric.update(
        ...     GradedResponses(
        ...         problems=(Problem(id="a", prompt="1+1?", answer="2"),),
        ...         responses=("2",),
        ...         verdicts=(Verdict(status="correct", score=1.0),),
        ...         lengths=(3,),
        ...         truncated=(False,),
        ...         samples_per_prompt=1,
        ...     )
        ... )
        >>> summary = metric.compute()
        >>> summary.accuracy, summary.response_length
        (1.0, 3.0)
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    questions: list[Tensor]
    columns: list[Tensor]

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.add_state("questions", [], dist_reduce_fx="cat")
        self.add_state("columns", [], dist_reduce_fx="cat")

    def update(self, graded: GradedResponses, keep: Sequence[bool] | None = None) -> None:
        """Add a batch of responses; `keep` (B,) picks some of them."""
        questions, columns = response_columns(graded)
        if keep is not None:
            mask = torch.tensor(keep, dtype=torch.bool)
            questions, columns = questions[mask], columns[mask]
        self.questions.append(questions.to(self.device))
        self.columns.append(columns.to(self.device))

    def compute(self) -> Summary:
        """The summary of everything added on any rank."""
        # after a sync the states are tensors, before it lists of them
        questions, columns = (
            torch.cat(state) if isinstance(state, list) else state
            for state in (self.questions, self.columns)
        )
        return summarise(
            questions.cpu().numpy(), columns.cpu().numpy().astype(np.float64), seed=self.seed
        )
