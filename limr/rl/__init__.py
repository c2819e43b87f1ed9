"""The numerics of PPO as pure functions: tensors and keyword scalars in, tensors out.

``B`` responses, ``T`` response tokens, right-padded; masks are bool, True = keep; log-probabilities
and KL in nats. In the order of a training step: :mod:`logprobs`, :mod:`kl`, :mod:`rewards`,
:mod:`advantages`, :mod:`masking`, :mod:`losses`.
"""

from limr.rl.advantages import GroupEstimator, gae, group_advantages, reinforce_plus_plus
from limr.rl.aggregation import Aggregate, aggregate_loss, loss_denominator
from limr.rl.kl import KL_ESTIMATORS, KLEstimator, kl_k1, kl_k2, kl_k3
from limr.rl.logprobs import response_entropy, response_logprobs
from limr.rl.losses import (
    PolicyLoss,
    ValueLoss,
    explained_variance,
    kl_loss,
    policy_loss,
    value_loss,
)
from limr.rl.masking import masked_mean, masked_sum, moments, whiten
from limr.rl.rewards import overlong_penalty, token_rewards

__all__ = [
    "KL_ESTIMATORS",
    "Aggregate",
    "GroupEstimator",
    "KLEstimator",
    "PolicyLoss",
    "ValueLoss",
    "aggregate_loss",
    "explained_variance",
    "gae",
    "group_advantages",
    "kl_k1",
    "kl_k2",
    "kl_k3",
    "kl_loss",
    "loss_denominator",
    "masked_mean",
    "masked_sum",
    "moments",
    "overlong_penalty",
    "policy_loss",
    "reinforce_plus_plus",
    "response_entropy",
    "response_logprobs",
    "token_rewards",
    "value_loss",
    "whiten",
]
