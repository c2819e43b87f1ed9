"""What a benchmark's graded responses add up to: means over questions, with an interval.

Everything is a mean over *questions* of the mean over that question's samples (avg@n), so a
question counts once however many responses it has. The pure functions do the arithmetic in numpy;
the torchmetrics class only collects the columns, from every rank.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import hypergeom
from torch import Tensor
from torchmetrics import Metric

from limr.report.intervals import Estimate, Floats, mean_interval
from limr.types import GradedResponses


class Summary(NamedTuple):
    """One row of the evaluation table."""

    questions: int
    """Distinct questions."""
    responses: int
    """Graded responses."""
    measures: dict[str, Estimate]
    """By name. Shares in [0, 1]: `accuracy` (of correct samples, avg@n), `format_rate` (not
    malformed), `truncated` (cut at the length limit) and, with n samples of each question,
    `pass_at_2`, `pass_at_4`, ... `pass_at_n` and `maj_at_n`. In tokens: `response_length`, the
    end-of-sequence token included."""


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


def pass_at_k(correct: Floats, samples: Floats, k: int) -> Floats:
    r"""Unbiased estimate, for each question, that one of k responses is correct.

    .. math:: 1 - \binom{n - c}{k} / \binom{n}{k}

    Args:
        correct: (Q,) c, correct responses.
        samples: (Q,) n >= k, responses.
        k: Responses that may be tried.

    References:
        Chen et al. 2021, https://arxiv.org/abs/2107.03374, eq. 1.

    Example:
        >>> pass_at_k(np.array([0.0, 1.0, 2.0]), np.array([4.0, 4.0, 4.0]), 2).round(3).tolist()
        [0.0, 0.5, 0.833]
    """
    return np.asarray(1 - hypergeom.pmf(0, samples, correct, k), dtype=np.float64)


def response_columns(graded: GradedResponses, majority: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The columns that :func:`summarise` needs, one row per response.

    A response that could not be judged (timeout, error, unreadable gold) counts as not correct.

    Args:
        graded: B responses.
        majority: B numbers, as :func:`evaluators.majority.majority_correct` returns them.

    Returns:
        (B,) int64 question keys and (B, 5) float32: correct, well-formed, truncated, length,
        majority.

    Raises:
        ValueError: If the two differ in length.
    """
    questions = [question_key(problem.id) for problem in graded.problems]
    rows = [
        (verdict.status == "correct", verdict.status != "malformed", truncated, length, vote)
        for verdict, truncated, length, vote in zip(
            graded.verdicts, graded.truncated, graded.lengths, majority, strict=True
        )
    ]
    values = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    return torch.tensor(questions, dtype=torch.int64), values


def question_key(problem_id: str) -> int:
    """A signed 64-bit key of a problem id, the same in every process."""
    digest = hashlib.blake2b(problem_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def summarise(questions: NDArray[np.int64], values: Floats, *, seed: int = 0) -> Summary:
    """Summary of (B,) question keys and (B, 5) columns as :func:`response_columns` returns them.

    Raises:
        ValueError: If there is no response.
    """
    if len(questions) == 0:
        raise ValueError("nothing to summarise: the benchmark has no responses")
    accuracy, format_rate, truncated, length, majority = question_means(values, questions).T
    samples = np.unique(questions, return_counts=True)[1].astype(np.float64)
    fewest = int(samples.min())
    per_question = {
        "accuracy": accuracy,
        "format_rate": format_rate,
        "truncated": truncated,
        "response_length": length,
    }
    correct = np.rint(accuracy * samples)
    for k in numbers_tried(fewest):
        per_question[f"pass_at_{k}"] = pass_at_k(correct, samples, k)
    if fewest > 1:
        per_question[f"maj_at_{fewest}"] = majority
    return Summary(
        questions=len(samples),
        responses=len(questions),
        measures={
            name: Estimate(float(x.mean()), *mean_interval(x, seed=seed))
            for name, x in per_question.items()
        },
    )


def numbers_tried(samples: int) -> list[int]:
    """The k of pass@k: powers of two above 1, and the number of samples itself.

    Example:
        >>> numbers_tried(6), numbers_tried(1)
        ([2, 4, 6], [])
    """
    powers = [2**i for i in range(1, samples.bit_length()) if 2**i < samples]
    return [*powers, samples] if samples > 1 else []


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
        ...     ),
        ...     majority=[1.0],
        ... )
        >>> metric.compute().measures["response_length"].value
        3.0
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

    def update(
        self,
        graded: GradedResponses,
        majority: Sequence[float],
        keep: Sequence[bool] | None = None,
    ) -> None:
        """Add a batch, as :func:`response_columns` takes it; `keep` (B,) picks some of its rows."""
        questions, columns = response_columns(graded, majority)
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
