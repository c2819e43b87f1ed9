"""The values that travel through the house; every field says its shape.

Notation: ``P`` prompts, ``B`` responses (``P`` times the samples per prompt, a prompt's samples
side by side), ``L`` prompt tokens (left-padded), ``T`` response tokens (right-padded). Masks are
bool, True = keep. This module imports no torch, so verifier workers and selection stay light.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

    from limr.verifier import Reward

Status = Literal["correct", "wrong", "malformed", "gold_unparsable", "timeout", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One verifiable math problem."""

    id: str
    """Stable and unique; trajectories and selections are keyed by it."""
    prompt: str
    """The question as a person would read it, without system prompt or chat markup."""
    answer: str
    """Gold answer, bare LaTeX (no ``\\boxed``)."""
    family: str = ""
    """Kind of problem, or empty when unknown."""
    level: str = ""
    """Difficulty label, or empty when unknown."""
    solution: str = ""
    """A worked solution ending in ``\\boxed{answer}``, where the source has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How responses are drawn."""

    temperature: float = 1.0
    """Softmax temperature; 0 is greedy decoding."""
    top_p: float = 1.0
    """Nucleus mass in (0, 1]; 1 samples from the whole distribution."""
    max_response_tokens: int = 256
    """Length limit; a response cut there has no end-of-sequence token and counts as truncated."""
    samples_per_prompt: int = 1
    """Responses drawn for each prompt."""

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature must be >= 0, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}")
        if self.max_response_tokens < 1 or self.samples_per_prompt < 1:
            raise ValueError(
                "max_response_tokens and samples_per_prompt must be >= 1, got "
                f"{self.max_response_tokens} and {self.samples_per_prompt}"
            )
        if self.temperature == 0 and self.samples_per_prompt > 1:
            raise ValueError("greedy decoding (temperature 0) draws one sample per prompt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the verifier says of one response."""

    status: Status
    score: float
    """The reward for this status (paper: +1 correct, -0.5 wrong, -1 malformed)."""
    answer: str | None = None
    """The extracted answer, None when there was none to extract."""
    reason: str = ""
    """Why, in a few words: the malformed check's name, or what the comparison found."""


_T = TypeVar("_T", bound="_OnDevice")


class _OnDevice:
    """Moves every tensor field of a frozen dataclass; Lightning finds this ``to`` by itself."""

    __slots__ = ()

    def to(self: _T, device: torch.device | str, non_blocking: bool = False) -> _T:
        moved = {}
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if callable(getattr(value, "to", None)):
                moved[field.name] = value.to(device, non_blocking=non_blocking)
        return replace(self, **moved)  # type: ignore[type-var]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBatch(_OnDevice):
    """What a data loader yields: tokenised prompts and the problems they came from."""

    problems: tuple[Problem, ...]
    """P problems."""
    prompt_ids: Tensor
    """(P, L) int64, left-padded."""
    prompt_mask: Tensor
    """(P, L) bool."""
    epoch: int = 0
    """The pass over the problems this batch belongs to (LIM's k, from 0)."""
    benchmark: str = ""
    """The benchmark's name in validation, empty in training."""
    sampling: Sampling | None = None
    """The benchmark's own sampling in validation, None in training."""
    grader: Reward | None = None
    """What grades the benchmark's responses in validation, None in training."""

    def repeat(self, samples_per_prompt: int) -> PromptBatch:
        """Each prompt ``samples_per_prompt`` times in a row: (P, L) -> (P * n, L)."""
        n = samples_per_prompt
        return replace(
            self,
            problems=tuple(problem for problem in self.problems for _ in range(n)),
            prompt_ids=self.prompt_ids.repeat_interleave(n, dim=0),
            prompt_mask=self.prompt_mask.repeat_interleave(n, dim=0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses(_OnDevice):
    """What an engine returns for B prompts."""

    response_ids: Tensor
    """(B, T) int64, right-padded."""
    response_mask: Tensor
    """(B, T) bool, True on every sampled token, the end-of-sequence token included."""
    ended: Tensor
    """(B,) bool, True when the response ended with an end-of-sequence token."""


class GradedResponse(NamedTuple):
    """One response with what belongs to it."""

    problem: Problem
    sample: int
    """Which of its problem's responses, from 0."""
    response: str
    verdict: Verdict
    length: int
    truncated: bool


@dataclass(frozen=True, kw_only=True)  # no slots: DeepSpeed reads the `vars` of what a step returns
class GradedResponses:
    """Responses as text with their verdicts, one entry per response."""

    problems: tuple[Problem, ...]
    """B problems (each repeated for its samples)."""
    responses: tuple[str, ...]
    """B texts, without special tokens."""
    verdicts: tuple[Verdict, ...]
    """B verdicts."""
    lengths: tuple[int, ...]
    """B response lengths in tokens, the end-of-sequence token included."""
    truncated: tuple[bool, ...]
    """B flags: cut at the length limit."""
    samples_per_prompt: int
    benchmark: str = ""

    def to(self, *_device: Any, **_options: Any) -> GradedResponses:
        """Itself: Lightning moves batches, and one that an earlier run graded may be its own."""
        return self

    def rows(self) -> Iterator[GradedResponse]:
        """The responses one by one, in order; ValueError if the columns differ in length."""
        columns = zip(
            self.problems,
            self.responses,
            self.verdicts,
            self.lengths,
            self.truncated,
            strict=True,
        )
        for index, (problem, response, verdict, length, truncated) in enumerate(columns):
            sample = index % self.samples_per_prompt
            yield GradedResponse(problem, sample, response, verdict, length, truncated)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTokens(_OnDevice):
    """Sampled tokens and what each model thinks of them."""

    prompt_ids: Tensor
    """(B, L) int64, left-padded."""
    prompt_mask: Tensor
    """(B, L) bool."""
    response_ids: Tensor
    """(B, T) int64, right-padded."""
    response_mask: Tensor
    """(B, T) bool."""
    logprobs: Tensor
    """(B, T) float, nats, the sampling policy's; read only under response_mask."""
    ref_logprobs: Tensor
    """(B, T) float, nats, the frozen reference's."""
    values: Tensor
    """(B, T) float, reward units, the critic's; zeros for critic-free estimators."""

    @property
    def tokens(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What a model's forward takes: prompt ids and mask, response ids and mask."""
        return self.prompt_ids, self.prompt_mask, self.response_ids, self.response_mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience(JudgedTokens):
    """What an update starts from: judged tokens with their scores, no advantages yet."""

    scores: Tensor
    """(B,) float, the verifier's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(Experience):
    """One step's experience with the responses it came from."""

    graded: GradedResponses


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory(JudgedTokens):
    """What the update reads: judged tokens with advantages and value targets."""

    advantages: Tensor
    """(B, T) float."""
    returns: Tensor
    """(B, T) float, reward units."""

    @staticmethod
    def of(experience: Experience, advantages: Tensor, returns: Tensor) -> Trajectory:
        """The experience's tokens with what was estimated from them."""
        judged = {f.name: getattr(experience, f.name) for f in fields(JudgedTokens)}
        return Trajectory(**judged, advantages=advantages, returns=returns)

    def __len__(self) -> int:
        return int(self.response_ids.shape[0])

    def __getitem__(self, index: Any) -> Trajectory:
        """The rows named by a slice or an index tensor."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})
