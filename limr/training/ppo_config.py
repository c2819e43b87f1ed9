"""Every knob of the PPO update, with the paper's values as defaults where the paper has one."""

import math
from dataclasses import dataclass
from typing import Literal

from limr.training.guards import OnNonfinite
from limr.types import Sampling

Estimator = Literal["gae", "grpo", "dr_grpo", "rloo", "reinforce_plus_plus"]


_RANGES = {
    ("gamma", "gae_lambda", "lr_min_ratio", "clip_range"): (0.0, 1.0),
    ("kl_coef", "vf_coef", "entropy_coef", "actor_lr", "critic_lr"): (0.0, math.inf),
    ("warmup_steps", "dynamic_sampling"): (0, math.inf),
    ("overlong_buffer_tokens", "overlong_penalty"): (0, math.inf),
}
_POSITIVE = (
    *("ppo_epochs", "minibatch_size", "micro_batch_size", "max_grad_norm"),
    *("clip_range", "clip_range_high", "clip_range_vf", "logprob_temperature"),
)


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """The policy update. Sampling, reward and models have their own settings beside it."""

    estimator: Estimator = "gae"
    """Where advantages come from: `gae` trains a critic; the others need none. `grpo`, `dr_grpo`
    and `rloo` compare a prompt's samples with each other, `reinforce_plus_plus` whitens returns."""
    gamma: float = 1.0
    """Discount per token, for `gae` and `reinforce_plus_plus`."""
    gae_lambda: float = 0.95
    """GAE's bias/variance trade-off: 0 trusts the critic, 1 the sampled return."""
    whiten_advantages: bool = True
    """Normalise advantages to mean 0 and variance 1 over all response tokens of the rollout batch
    and all ranks. Read by `gae` and `reinforce_plus_plus`; the group estimators have their own
    scale."""

    clip_range: float = 0.2
    """The ratio to the sampling policy is clipped at 1 - clip_range below ..."""
    clip_range_high: float | None = None
    """... and at 1 + clip_range_high above; None takes clip_range (DAPO's clip-higher: 0.28)."""
    clip_range_vf: float | None = 0.2
    """Clip of new values around the rollout's, in reward units; None does not clip."""
    vf_coef: float = 1.0
    """Weight of the value loss (which carries its own 1/2)."""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus."""

    kl_coef: float = 0.01
    """Weight of the KL penalty to the frozen reference; 0 loads no reference at all."""
    kl_estimator: Literal["k1", "k2", "k3"] = "k1"
    """Per-token estimator of that KL."""
    kl_in: Literal["reward", "loss"] = "reward"
    """Whether the penalty is taken off the token rewards (PPO) or added to the loss (GRPO)."""

    loss_aggregation: Literal["token", "sequence", "constant"] = "token"
    """Mean over all tokens of the minibatch, over each response and then responses (GRPO), or sum
    over the length limit (Dr. GRPO)."""
    ppo_epochs: int = 1
    """Passes over each rollout batch."""
    minibatch_size: int = 256
    """Responses per optimizer step, over all ranks."""
    micro_batch_size: int = 4
    """Responses per forward pass on one rank; changes memory and speed, not the update."""
    logprob_temperature: float | None = None
    """Temperature of the softmax in log-probabilities. None takes the sampling temperature, so
    that the ratio is about the distribution that was sampled; the original samples at 1.2 and
    computes at 1.0."""

    actor_lr: float = 5e-7
    """Peak learning rate of the policy."""
    critic_lr: float = 9e-6
    """Peak learning rate of the critic."""
    warmup_steps: int = 10
    """Optimizer steps of linear warm-up."""
    lr_schedule: Literal["constant", "linear", "cosine"] = "constant"
    """After warm-up; `linear` and `cosine` decay to lr_min_ratio over the run's planned steps."""
    lr_min_ratio: float = 0.1
    """Final share of the peak learning rate."""
    max_grad_norm: float = 1.0
    """Gradient norm clip, of policy and critic apart."""
    on_nonfinite: OnNonfinite = "stop"
    """When a loss or gradient is not finite: `stop` ends the run, `skip` leaves out that update
    and its place in the learning rates' schedule, ten in a row at most. Either saves the
    minibatch."""

    dynamic_sampling: int = 0
    """DAPO: update only when this many prompts that are neither always nor never solved are
    gathered; 0 updates each step. One rank only."""
    overlong_buffer_tokens: int = 0
    """DAPO: the last tokens before the length limit over which a response loses up to
    overlong_penalty; 0 is off."""
    overlong_penalty: float = 1.0
    """Score taken off a response at the length limit when overlong_buffer_tokens is set."""

    def __post_init__(self) -> None:
        if self.kl_in == "loss" and self.kl_estimator == "k1":
            raise ValueError(
                "ppo.kl_in: loss needs ppo.kl_estimator k2 or k3, k1 gives no gradient"
            )
        if self.dynamic_sampling and self.lr_schedule != "constant":
            raise ValueError(
                "ppo.dynamic_sampling makes the number of updates unknown; set ppo.lr_schedule: "
                "constant"
            )
        for names, (low, high) in _RANGES.items():
            for name in names:
                value = getattr(self, name)
                if value is not None and not low <= value <= high:
                    ends = f"in [{low:g}, {high:g}]" if math.isfinite(high) else f">= {low:g}"
                    raise ValueError(f"ppo.{name} must be {ends}, got {value}")
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"ppo.{name} must be > 0, got {value}")

    def check_sampling(self, sampling: Sampling) -> None:
        """Refuse sampling that this update cannot learn from.

        Raises:
            ValueError: If decoding is greedy, a group estimator gets one sample per prompt, or the
                overlong buffer is longer than a response can be.
        """
        if sampling.temperature == 0:
            raise ValueError("sampling.temperature: training needs sampled responses, 0 is greedy")
        if self.compares_samples and sampling.samples_per_prompt < 2:
            raise ValueError(
                f"ppo.estimator: {self.estimator} compares a prompt's samples; set "
                "sampling.samples_per_prompt to 2 or more"
            )
        if self.overlong_buffer_tokens > sampling.max_response_tokens:
            raise ValueError(
                f"ppo.overlong_buffer_tokens: {self.overlong_buffer_tokens} is more than "
                f"sampling.max_response_tokens, {sampling.max_response_tokens}"
            )

    @property
    def has_critic(self) -> bool:
        """Whether the estimator learns values."""
        return self.estimator == "gae"

    @property
    def compares_samples(self) -> bool:
        """Whether the estimator needs several samples of each prompt."""
        return self.estimator in ("grpo", "dr_grpo", "rloo")
