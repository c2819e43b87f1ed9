"""The loss of one minibatch as a sum over its micro-batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from limr.models import Critic, Policy
from limr.rl import aggregate_loss, kl_loss, loss_denominator, masked_mean, policy_loss, value_loss
from limr.training.batching import micro_batches
from limr.training.ppo_config import PPOConfig
from limr.types import Trajectory


@dataclass(frozen=True, kw_only=True)
class Denominators:
    """What a minibatch's sums are divided by, so that micro-batches and ranks add up to it."""

    loss: Tensor
    """Scalar: tokens or responses of the minibatch (`loss_denominator`), the mean over ranks."""
    tokens: Tensor
    """Scalar: response tokens of the minibatch, the mean over ranks."""

    @staticmethod
    def of(
        minibatch: Trajectory,
        ppo: PPOConfig,
        sum_over_ranks: Callable[[Tensor], Tensor],
        ranks: int,
    ) -> "Denominators":
        """Count `minibatch`, this rank's share of it.

        The mean over ranks, because distributed training averages gradients over them.
        """
        mask = minibatch.response_mask
        counts = torch.stack([loss_denominator(mask, ppo.loss_aggregation), mask.sum()])
        loss, tokens = (sum_over_ranks(counts.float()) / ranks).clamp(min=1).unbind()
        return Denominators(loss=loss, tokens=tokens)


class MicroLoss(NamedTuple):
    """A micro-batch's additive share of the minibatch's objective and of its metrics."""

    objective: Tensor
    """Scalar to minimise; carries the gradient."""
    metrics: dict[str, Tensor]
    """Scalars by their logged names, detached."""


def ppo_losses(
    minibatch: Trajectory,
    *,
    denominators: Denominators,
    policy: Policy,
    critic: Critic | None,
    ppo: PPOConfig,
    temperature: float,
    max_response_tokens: int,
) -> Iterator[MicroLoss]:
    """The losses of each micro-batch in turn; call backward on one before asking for the next.

    Their sums are the minibatch's losses, whatever `ppo.micro_batch_size` is.
    """
    reduction: dict[str, Any] = {
        "aggregate": ppo.loss_aggregation,
        "denominator": denominators.loss,
        "normalizer": max_response_tokens if ppo.loss_aggregation == "constant" else None,
    }
    for micro in micro_batches(minibatch, ppo.micro_batch_size):
        token_share = micro.response_mask.sum() / denominators.tokens
        objective, metrics = _policy_terms(micro, policy, ppo, temperature, reduction, token_share)
        if critic is not None:
            value, value_metrics = _value_terms(micro, critic, ppo, reduction, token_share)
            objective = objective + ppo.vf_coef * value
            metrics |= value_metrics
        yield MicroLoss(objective, {name: x.detach() for name, x in metrics.items()})


def _policy_terms(
    micro: Trajectory,
    policy: Policy,
    ppo: PPOConfig,
    temperature: float,
    reduction: dict[str, Any],
    token_share: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    mask = micro.response_mask
    new_logprobs, entropy = policy(
        *micro.tokens,
        temperature=temperature,
        entropy="train" if ppo.entropy_coef else "measure",
    )
    terms = policy_loss(
        new_logprobs,
        micro.logprobs,
        micro.advantages,
        mask,
        clip_range=ppo.clip_range,
        clip_range_high=ppo.clip_range_high,
        **reduction,
    )
    objective = terms.loss
    if ppo.entropy_coef:
        objective = objective - ppo.entropy_coef * aggregate_loss(entropy, mask, **reduction)
    if ppo.kl_coef and ppo.kl_in == "loss":
        penalty = kl_loss(
            new_logprobs,
            micro.ref_logprobs,
            mask,
            estimator="k2" if ppo.kl_estimator == "k2" else "k3",
            **reduction,
        )
        objective = objective + ppo.kl_coef * penalty
    return objective, {
        "policy/loss": terms.loss,
        "policy/clip_fraction": terms.clip_fraction * token_share,
        "policy/approx_kl": terms.approx_kl * token_share,
        "policy/ratio": terms.ratio_mean * token_share,
        "policy/entropy": masked_mean(entropy, mask) * token_share,
    }


def _value_terms(
    micro: Trajectory,
    critic: Critic,
    ppo: PPOConfig,
    reduction: dict[str, Any],
    token_share: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    terms = value_loss(
        critic(*micro.tokens),
        micro.values,
        micro.returns,
        micro.response_mask,
        clip_range_vf=ppo.clip_range_vf,
        **reduction,
    )
    return terms.loss, {
        "critic/loss": terms.loss,
        "critic/clip_fraction": terms.clip_fraction * token_share,
    }
