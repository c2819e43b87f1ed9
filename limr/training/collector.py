"""Experience: prompts in, graded responses and every model's opinion of them out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from limr.generation import RolloutEngine
from limr.models import Critic, Policy
from limr.models.sharding import gathered
from limr.rl import overlong_penalty
from limr.seeding import derive_seed
from limr.training.batching import by_length, kept_columns
from limr.training.ppo_config import PPOConfig
from limr.types import GradedResponses, PromptBatch, Responses, Rollout, Sampling
from limr.verifier import Reward


class Stopwatch:
    """Seconds spent in named phases since the last `read`."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block; device work is waited for, so a phase pays for what it launched."""
        start = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - start

    def read(self) -> dict[str, float]:
        """Seconds per phase, and start anew."""
        seconds, self._seconds = self._seconds, {}
        return seconds


@torch.no_grad()
def respond(
    batch: PromptBatch,
    sampling: Sampling,
    *,
    policy: Policy,
    tokenizer: PreTrainedTokenizerBase,
    engine: RolloutEngine,
    reward: Reward,
    seed: int,
    stopwatch: Stopwatch,
) -> tuple[PromptBatch, Responses, GradedResponses]:
    """Sample and grade: what training and evaluation have in common.

    Args:
        batch: P prompts.
        sampling: How to draw; P times `samples_per_prompt` responses come back.
        policy: The policy to sample from.
        tokenizer: Its tokenizer.
        engine: Draws the responses.
        reward: Grades them.
        seed: With a problem's id and a sample's number it decides what is drawn.
        stopwatch: Gets the phases `generate` and `score`.

    Returns:
        The batch with each prompt repeated for its samples, the sampled tokens, the graded texts.
    """
    seeds = [
        derive_seed(seed, problem.id, sample)
        for problem in batch.problems
        for sample in range(sampling.samples_per_prompt)
    ]
    batch = batch.repeat(sampling.samples_per_prompt)
    with stopwatch.phase("generate"), gathered(policy.model):
        responses = engine.generate(policy.model, tokenizer, batch, sampling, seeds)
    with stopwatch.phase("score"):
        lengths = responses.response_mask.sum(dim=1).tolist()
        rows = zip(responses.response_ids.tolist(), lengths, strict=True)
        texts = tokenizer.batch_decode(
            [ids[:length] for ids, length in rows], skip_special_tokens=True
        )
        truncated = [not ended for ended in responses.ended.tolist()]
        verdicts = reward.grade(texts, [p.answer for p in batch.problems], truncated)
    graded = GradedResponses(
        problems=batch.problems,
        responses=tuple(texts),
        verdicts=tuple(verdicts),
        lengths=tuple(lengths),
        truncated=tuple(truncated),
        samples_per_prompt=sampling.samples_per_prompt,
        benchmark=batch.benchmark,
    )
    return batch, responses, graded


@torch.no_grad()
def prepare(
    batch: PromptBatch,
    responses: Responses,
    graded: GradedResponses,
    *,
    policy: Policy,
    reference: Policy | None,
    critic: Critic | None,
    ppo: PPOConfig,
    temperature: float,
    max_response_tokens: int,
) -> Rollout:
    """What the sampling policy, the reference and the critic think of each response token.

    Log-probabilities are always recomputed by the training model, so they are those of the network
    that is updated whatever engine drew the tokens. Without a reference the policy stands in for it
    (KL zero); without a critic values are zero.
    """
    prompt_mask, mask = batch.prompt_mask, responses.response_mask
    logprobs, ref_logprobs, values = (
        torch.zeros(mask.shape, dtype=torch.float32, device=mask.device) for _ in range(3)
    )
    for rows in by_length(prompt_mask, mask, ppo.micro_batch_size):
        prompt, response = kept_columns(prompt_mask[rows], mask[rows])
        tokens = (
            batch.prompt_ids[rows, prompt],
            prompt_mask[rows, prompt],
            responses.response_ids[rows, response],
            mask[rows, response],
        )
        logprobs[rows, response] = policy(*tokens, temperature=temperature)[0]
        if reference is not None:
            ref_logprobs[rows, response] = reference(*tokens, temperature=temperature)[0]
        if critic is not None:
            values[rows, response] = critic(*tokens)
    if reference is None:
        ref_logprobs = logprobs
    return Rollout(
        graded=graded,
        prompt_ids=batch.prompt_ids,
        prompt_mask=prompt_mask,
        response_ids=responses.response_ids,
        response_mask=mask,
        logprobs=logprobs,
        ref_logprobs=ref_logprobs,
        values=values,
        scores=scores(graded, ppo, max_response_tokens).to(logprobs.device),
    )


def scores(graded: GradedResponses, ppo: PPOConfig, max_response_tokens: int) -> Tensor:
    """(B,) float32: the verdicts' scores, less the overlong penalty where one is set."""
    total = torch.tensor([verdict.score for verdict in graded.verdicts], dtype=torch.float32)
    if ppo.overlong_buffer_tokens:
        total = total + ppo.overlong_penalty * overlong_penalty(
            torch.tensor(graded.lengths),
            max_response_tokens=max_response_tokens,
            buffer_tokens=ppo.overlong_buffer_tokens,
        )
    return total
