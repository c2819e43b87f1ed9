"""How much better a token or a response was than expected: with a critic, and without one."""

from typing import Literal

import torch
from torch import Tensor

from limr.rl.checks import check_response_mask, check_same_shape, check_unit_interval
from limr.rl.masking import zero_outside

GroupEstimator = Literal["grpo", "dr_grpo", "rloo"]

GROUP_TOLERANCE = 1e-5
"""Scores this close, relative to the largest or to 1, count as equal: dividing by their standard
deviation would turn rounding (of a KL penalty summed over a response, say) into advantages of
size 1."""


def gae(
    rewards: Tensor,
    values: Tensor,
    response_mask: Tensor,
    *,
    gamma: float = 1.0,
    gae_lambda: float = 0.95,
) -> tuple[Tensor, Tensor]:
    r"""Generalized advantage estimates and the critic's targets, per response token.

    A response is a whole episode: its last token is followed by nothing, whose value is 0. With the
    TD error :math:`\delta_t = r_t + \gamma V_{t+1} - V_t`,

    .. math:: A_t = \sum_{l \ge 0} (\gamma \lambda)^l \, \delta_{t+l}
              = \delta_t + \gamma \lambda A_{t+1}, \qquad R_t = A_t + V_t .

    The advantages are raw; :func:`limr.rl.masking.whiten` normalises them.

    Args:
        rewards: ``(B, T)`` float, reward units (:func:`limr.rl.rewards.token_rewards`).
        values: ``(B, T)`` float, reward units, the critic's :math:`V_t` at rollout time.
        response_mask: ``(B, T)`` bool, True on response tokens (EOS included), then False.
        gamma: Discount per token, in [0, 1].
        gae_lambda: In [0, 1]. 0 trusts the critic (the TD error: low variance, biased); 1 trusts
            the rewards (Monte Carlo: unbiased, high variance).

    Returns:
        ``(advantages, returns)``, each ``(B, T)`` float, reward units, zero under False.

    Raises:
        ValueError: If shapes differ, a row has a hole, or a coefficient lies outside [0, 1].

    References:
        Schulman et al. 2016, https://arxiv.org/abs/1506.02438, eqs. 11 and 16.

    Example:
        >>> rewards = torch.tensor([[0.0, 0.0, 1.0, 7.0]])
        >>> values = torch.tensor([[0.5, 0.5, 0.5, 9.0]])
        >>> mask = torch.tensor([[True, True, True, False]])
        >>> advantages, returns = gae(rewards, values, mask, gae_lambda=0.5)
        >>> advantages.tolist(), returns.tolist()
        ([[0.125, 0.25, 0.5, 0.0]], [[0.625, 0.75, 1.0, 0.0]])
    """
    check_same_shape(rewards=rewards, values=values, response_mask=response_mask)
    check_response_mask(response_mask)
    check_unit_interval(gamma=gamma, gae_lambda=gae_lambda)

    rewards = zero_outside(rewards, response_mask)
    values = zero_outside(values, response_mask)
    next_values = torch.nn.functional.pad(values[:, 1:], (0, min(1, values.shape[1])))
    deltas = rewards + gamma * next_values - values

    advantages = torch.zeros_like(deltas)
    running = deltas.new_zeros(deltas.shape[0])
    for t in reversed(range(deltas.shape[1])):
        running = deltas[:, t] + gamma * gae_lambda * running
        advantages[:, t] = running
    return advantages, advantages + values


def reinforce_plus_plus(rewards: Tensor, response_mask: Tensor, *, gamma: float = 1.0) -> Tensor:
    r"""Critic-free token advantages: the discounted reward still to come.

    .. math:: A_t = \sum_{l \ge 0} \gamma^l \, r_{t+l}

    Raw: the method then normalises over the whole batch (:func:`limr.rl.masking.whiten`).

    Args:
        rewards: ``(B, T)`` float, reward units, KL penalty included.
        response_mask: ``(B, T)`` bool, True on response tokens, then False.
        gamma: Discount per token, in [0, 1].

    Returns:
        ``(B, T)`` float, reward units, zero under False.

    Raises:
        ValueError: If shapes differ, a row has a hole, or ``gamma`` lies outside [0, 1].

    References:
        Hu et al. 2025, https://arxiv.org/abs/2501.03262.

    Example:
        >>> mask = torch.tensor([[True, True, False]])
        >>> reinforce_plus_plus(torch.tensor([[-0.5, 1.0, 9.0]]), mask)
        tensor([[0.5000, 1.0000, 0.0000]])
    """
    no_critic = torch.zeros_like(rewards)
    return gae(rewards, no_critic, response_mask, gamma=gamma, gae_lambda=1.0)[0]


def group_advantages(
    scores: Tensor, samples_per_prompt: int, *, estimator: GroupEstimator
) -> Tensor:
    r"""Critic-free response advantages: each score against its prompt's other samples.

    For the :math:`n` scores :math:`s_1 \dots s_n` of one prompt with mean :math:`\bar s`:

    * ``grpo``: :math:`(s_i - \bar s) / \mathrm{std}(s)`. The paper does not say which standard
      deviation; this is the sample's (divided by :math:`n - 1`), as verl and TRL take it, with
      nothing added to it.
    * ``dr_grpo``: :math:`s_i - \bar s`, without the division, which favours prompts that are nearly
      always or nearly never solved.
    * ``rloo``: :math:`s_i - \frac{1}{n-1} \sum_{j \ne i} s_j`; the mean of the others is an
      unbiased baseline.

    A prompt whose samples all score the same, up to :data:`GROUP_TOLERANCE`, teaches nothing: its
    advantages are exactly 0 in all three.

    Args:
        scores: ``(B,)`` float, a prompt's samples side by side.
        samples_per_prompt: :math:`n` >= 2, a divisor of ``B``.
        estimator: One of the three above.

    Returns:
        ``(B,)`` float; the same advantage holds for each token of a response.

    Raises:
        ValueError: If a group has one sample, B is no multiple of it, or the name is unknown.

    References:
        grpo: Shao et al. 2024 (DeepSeekMath), https://arxiv.org/abs/2402.03300, section 4.1.2.
        dr_grpo: Liu et al. 2025, https://arxiv.org/abs/2503.20783.
        rloo: Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740.

    Example:
        >>> scores = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
        >>> group_advantages(scores, 3, estimator="rloo")
        tensor([ 1.0000, -0.5000, -0.5000,  0.0000,  0.0000,  0.0000])
    """
    if samples_per_prompt < 2:
        raise ValueError(
            f"{estimator} compares a prompt's samples: samples_per_prompt must be >= 2, "
            f"got {samples_per_prompt}"
        )
    if scores.ndim != 1 or scores.shape[0] % samples_per_prompt:
        raise ValueError(
            f"scores must be (B,) with B a multiple of samples_per_prompt = {samples_per_prompt}, "
            f"got shape {tuple(scores.shape)}"
        )
    n = samples_per_prompt
    groups = scores.to(torch.promote_types(scores.dtype, torch.float32)).reshape(-1, n)
    spread = groups.amax(dim=1, keepdim=True) - groups.amin(dim=1, keepdim=True)
    varies = spread > GROUP_TOLERANCE * groups.abs().amax(dim=1, keepdim=True).clamp(min=1)
    centred = (groups - groups.mean(dim=1, keepdim=True)).masked_fill(~varies, 0.0)
    if estimator == "dr_grpo":
        return centred.reshape(-1)
    if estimator == "rloo":
        return (centred * (n / (n - 1))).reshape(-1)
    if estimator == "grpo":
        std = groups.std(dim=1, correction=1, keepdim=True).masked_fill(~varies, 1.0)
        return (centred / std).reshape(-1)
    raise ValueError(f"estimator must be grpo, dr_grpo or rloo, got {estimator!r}")
