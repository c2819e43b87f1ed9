"""The losses of one update and what is measured beside them.

Every loss reduces its per-token terms in :func:`limr.rl.aggregation.aggregate_loss`. The figures
beside a loss are plain means over the tokens of the call, whatever the aggregation.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from limr.rl.aggregation import Aggregate, aggregate_loss
from limr.rl.checks import check_same_shape
from limr.rl.kl import KL_ESTIMATORS, kl_k3
from limr.rl.masking import masked_mean, moments, zero_outside


class PolicyLoss(NamedTuple):
    """The clipped policy loss and its diagnostics; only ``loss`` carries a gradient."""

    loss: Tensor
    """Scalar, to minimise."""
    clip_fraction: Tensor
    """Scalar in [0, 1]: share of the tokens whose gradient the clip removed."""
    approx_kl: Tensor
    """Scalar, nats, >= 0: old policy against new, k3."""
    ratio_mean: Tensor
    """Scalar: mean importance ratio, 1 for an unchanged policy."""


class ValueLoss(NamedTuple):
    """The critic's loss; only ``loss`` carries a gradient."""

    loss: Tensor
    """Scalar, squared reward units, the factor 0.5 included."""
    clip_fraction: Tensor
    """Scalar in [0, 1]: share of the tokens whose gradient the clip removed; 0 without a clip."""


def policy_loss(
    new_logprobs: Tensor,
    logprobs: Tensor,
    advantages: Tensor,
    response_mask: Tensor,
    *,
    clip_range: float = 0.2,
    clip_range_high: float | None = None,
    aggregate: Aggregate = "token",
    denominator: Tensor | float | None = None,
    normalizer: float | None = None,
) -> PolicyLoss:
    r"""The clipped surrogate of PPO, negated to be minimised.

    With :math:`\rho_t = \pi_{new}(y_t) / \pi_{old}(y_t)`,

    .. math:: \ell_t = -\min\bigl(\rho_t A_t,\;
              \mathrm{clip}(\rho_t, 1 - \epsilon_{low}, 1 + \epsilon_{high}) A_t\bigr) .

    Args:
        new_logprobs: ``(B, T)`` float, nats, of the policy being trained; the gradient flows here.
        logprobs: ``(B, T)`` float, nats, of the policy that sampled.
        advantages: ``(B, T)`` float.
        response_mask: ``(B, T)`` bool.
        clip_range: :math:`\epsilon_{low}`, in (0, 1].
        clip_range_high: :math:`\epsilon_{high}` > 0; None takes ``clip_range``. A higher one leaves
            unlikely tokens more room to grow (DAPO's "clip-higher").
        aggregate: How tokens are weighed, see :func:`limr.rl.aggregation.aggregate_loss`.
        denominator: See :func:`limr.rl.aggregation.aggregate_loss`.
        normalizer: See :func:`limr.rl.aggregation.aggregate_loss`.

    Returns:
        The loss and its diagnostics, scalars.

    Raises:
        ValueError: If shapes differ, the mask is not bool, or a clip range is out of its range.

    References:
        Schulman et al. 2017, https://arxiv.org/abs/1707.06347, eq. 7. Two-sided range: Yu et al.
        2025, https://arxiv.org/abs/2503.14476, section 3.1.

    Example:
        >>> mask = torch.tensor([[True, True]])
        >>> new = torch.tensor([[1.5, 1.0]]).log()
        >>> result = policy_loss(new, torch.zeros(1, 2), torch.ones(1, 2), mask)
        >>> round(result.loss.item(), 6), result.clip_fraction.item()
        (-1.1, 0.5)
    """
    check_same_shape(
        new_logprobs=new_logprobs,
        logprobs=logprobs,
        advantages=advantages,
        response_mask=response_mask,
    )
    high = clip_range if clip_range_high is None else clip_range_high
    if not 0 < clip_range <= 1 or not high > 0:
        raise ValueError(
            "clip_range must be in (0, 1] and clip_range_high > 0, "
            f"got {clip_range} and {clip_range_high}"
        )

    new = zero_outside(new_logprobs, response_mask)
    old = zero_outside(logprobs, response_mask)
    gain = zero_outside(advantages, response_mask)
    ratio = (new - old).exp()
    unclipped = -ratio * gain
    clipped = -ratio.clamp(1 - clip_range, 1 + high) * gain
    loss = aggregate_loss(
        torch.maximum(unclipped, clipped),
        response_mask,
        aggregate=aggregate,
        denominator=denominator,
        normalizer=normalizer,
    )
    with torch.no_grad():
        return PolicyLoss(
            loss=loss,
            clip_fraction=masked_mean(clipped > unclipped, response_mask),
            approx_kl=masked_mean(kl_k3(old, new), response_mask),
            ratio_mean=masked_mean(ratio, response_mask),
        )


def value_loss(
    new_values: Tensor,
    values: Tensor,
    returns: Tensor,
    response_mask: Tensor,
    *,
    clip_range_vf: float | None = 0.2,
    aggregate: Aggregate = "token",
    denominator: Tensor | float | None = None,
    normalizer: float | None = None,
) -> ValueLoss:
    r"""Half the squared error of the critic, pessimistic about moves beyond the clip range.

    .. math:: \ell_t = \tfrac12 \max\bigl((V_t - R_t)^2, (V^{clip}_t - R_t)^2\bigr), \qquad
              V^{clip}_t = V^{old}_t + \mathrm{clip}(V_t - V^{old}_t, -\epsilon, \epsilon)

    Args:
        new_values: ``(B, T)`` float, reward units, of the critic being trained.
        values: ``(B, T)`` float, the critic's when the responses were drawn.
        returns: ``(B, T)`` float, the targets (:func:`limr.rl.advantages.gae`).
        response_mask: ``(B, T)`` bool.
        clip_range_vf: :math:`\epsilon` in reward units, > 0; None leaves the plain squared error.
        aggregate: How tokens are weighed, see :func:`limr.rl.aggregation.aggregate_loss`.
        denominator: See :func:`limr.rl.aggregation.aggregate_loss`.
        normalizer: See :func:`limr.rl.aggregation.aggregate_loss`.

    Returns:
        The loss (its 0.5 included) and the clip fraction, scalars.

    Raises:
        ValueError: If shapes differ, the mask is not bool, or the clip range is not positive.

    References:
        Schulman et al. 2017, https://arxiv.org/abs/1707.06347, eq. 9 (squared error); the clip is
        of the authors' code only: https://github.com/openai/baselines, ``ppo2``.

    Example:
        >>> mask = torch.tensor([[True, False]])
        >>> new, old, target = (torch.full((1, 2), x) for x in (1.0, 0.0, 2.0))
        >>> round(value_loss(new, old, target, mask, clip_range_vf=0.5).loss.item(), 6)
        1.125
    """
    check_same_shape(
        new_values=new_values, values=values, returns=returns, response_mask=response_mask
    )
    if clip_range_vf is not None and not clip_range_vf > 0:
        raise ValueError(f"clip_range_vf must be > 0, or None for no clip, got {clip_range_vf}")

    new = zero_outside(new_values, response_mask)
    old = zero_outside(values, response_mask)
    target = zero_outside(returns, response_mask)
    error = (new - target).square()
    bound = float("inf") if clip_range_vf is None else clip_range_vf
    clipped_error = (old + (new - old).clamp(-bound, bound) - target).square()
    loss = aggregate_loss(
        0.5 * torch.maximum(error, clipped_error),
        response_mask,
        aggregate=aggregate,
        denominator=denominator,
        normalizer=normalizer,
    )
    return ValueLoss(loss, masked_mean((clipped_error > error).detach(), response_mask))


def kl_loss(
    new_logprobs: Tensor,
    ref_logprobs: Tensor,
    response_mask: Tensor,
    *,
    estimator: Literal["k2", "k3"] = "k3",
    aggregate: Aggregate = "token",
    denominator: Tensor | float | None = None,
    normalizer: float | None = None,
) -> Tensor:
    r"""KL to the reference as a loss term, where it is not part of the reward.

    Here the gradient counts, not the value. On tokens drawn by the policy itself, the expected
    gradient of ``k2`` is that of :math:`\mathrm{KL}(\pi \| \pi_{ref})`, that of ``k3`` is that of
    :math:`\mathrm{KL}(\pi_{ref} \| \pi)` (the two agree near the reference), and that of ``k1`` is
    zero: it would hold nothing back and is refused.

    Args:
        new_logprobs: ``(B, T)`` float, nats, of the policy being trained; the gradient flows here.
        ref_logprobs: ``(B, T)`` float, nats, the reference's.
        response_mask: ``(B, T)`` bool.
        estimator: ``k3`` as in GRPO, or ``k2``.
        aggregate: How tokens are weighed, see :func:`limr.rl.aggregation.aggregate_loss`.
        denominator: See :func:`limr.rl.aggregation.aggregate_loss`.
        normalizer: See :func:`limr.rl.aggregation.aggregate_loss`.

    Returns:
        Scalar, nats, >= 0.

    Raises:
        ValueError: If shapes differ, the mask is not bool, or the estimator is neither.

    References:
        Shao et al. 2024, https://arxiv.org/abs/2402.03300, eq. 4.

    Example:
        >>> new = torch.tensor([[-1.0, -1.0]])
        >>> kl_loss(new, torch.tensor([[-3.0, 5.0]]), torch.tensor([[True, False]]), estimator="k2")
        tensor(2.)
    """
    if estimator not in ("k2", "k3"):
        raise ValueError(
            f"estimator must be k2 or k3, got {estimator!r}; k1 belongs in the reward, "
            "as a loss its gradient is zero on average"
        )
    new = zero_outside(new_logprobs, response_mask)
    ref = zero_outside(ref_logprobs, response_mask)
    return aggregate_loss(
        KL_ESTIMATORS[estimator](new, ref),
        response_mask,
        aggregate=aggregate,
        denominator=denominator,
        normalizer=normalizer,
    )


def explained_variance(
    values: Tensor,
    returns: Tensor,
    response_mask: Tensor,
    reduce: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    r"""How much of the targets' variance the critic foresaw.

    .. math:: 1 - \frac{\mathrm{Var}(R - V)}{\mathrm{Var}(R)}

    Args:
        values: ``(B, T)`` float, reward units, the critic's.
        returns: ``(B, T)`` float, reward units, the targets.
        response_mask: ``(B, T)`` bool.
        reduce: Sums a small tensor over the ranks, as in :func:`limr.rl.moments`.

    Returns:
        Scalar, at most 1: 1 is perfect, 0 no better than a constant, below 0 worse. NaN when the
        returns do not vary, for then there is nothing to explain.

    Raises:
        ValueError: If shapes differ or the mask is not bool.

    Example:
        >>> returns, mask = torch.tensor([[0.0, 2.0, 4.0]]), torch.ones(1, 3, dtype=torch.bool)
        >>> explained_variance(returns / 2, returns, mask)
        tensor(0.7500)
    """
    check_same_shape(values=values, returns=returns, response_mask=response_mask)
    with torch.no_grad():
        target = zero_outside(returns, response_mask)
        residual = target - zero_outside(values, response_mask)
        _, spread = moments(target, response_mask, reduce)
        share = moments(residual, response_mask, reduce)[1] / spread
        return torch.where(spread > 0, 1 - share, torch.nan)
