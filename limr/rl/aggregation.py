"""From per-token loss terms to one scalar, in whole minibatches or piece by piece.

Given the ``denominator`` of the whole minibatch, the losses of its micro-batches (and of its ranks)
*add up* to the minibatch's loss, whatever the lengths in each.
"""

from typing import Literal

from torch import Tensor

from limr.rl.checks import check_mask, check_same_shape
from limr.rl.masking import masked_mean, masked_sum

Aggregate = Literal["token", "sequence", "constant"]


def loss_denominator(response_mask: Tensor, aggregate: Aggregate = "token") -> Tensor:
    """What :func:`aggregate_loss` divides by: response tokens, or responses with a token.

    Counts add: sum them over micro-batches and ranks and hand the total to each call.

    Args:
        response_mask: ``(B, T)`` bool.
        aggregate: ``token`` counts tokens; ``sequence`` and ``constant`` count responses.

    Returns:
        Scalar int64.

    Raises:
        ValueError: If the mask is not bool or the name is unknown.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
        >>> loss_denominator(mask).item(), loss_denominator(mask, "sequence").item()
        (3, 2)
    """
    check_mask(response_mask, "response_mask")
    if aggregate not in ("token", "sequence", "constant"):
        raise ValueError(f"aggregate must be token, sequence or constant, got {aggregate!r}")
    return response_mask.sum() if aggregate == "token" else response_mask.any(dim=-1).sum()


def aggregate_loss(
    per_token: Tensor,
    response_mask: Tensor,
    *,
    aggregate: Aggregate = "token",
    denominator: Tensor | float | None = None,
    normalizer: float | None = None,
) -> Tensor:
    r"""One scalar from per-token terms :math:`\ell_{it}`; :math:`n_i` is the length of response i.

    * ``token``: :math:`\sum_{it} \ell_{it} / \sum_i n_i`; every token weighs the same (DAPO).
    * ``sequence``: :math:`\frac{1}{B} \sum_i \frac{1}{n_i} \sum_t \ell_{it}`; every response weighs
      the same, so a token of a long one weighs less (GRPO).
    * ``constant``: :math:`\frac{1}{B L} \sum_{it} \ell_{it}` with a fixed length :math:`L`; the
      weight of a token depends on no length at all (Dr. GRPO).

    Args:
        per_token: ``(B, T)`` float.
        response_mask: ``(B, T)`` bool. Rows that keep no token are no responses and do not count.
        aggregate: One of the three above.
        denominator: :math:`\sum_i n_i` for ``token``, B for the others, of the whole that this call
            is a part of (:func:`loss_denominator`, summed), > 0; None takes this call's own.
        normalizer: :math:`L` in tokens, > 0, usually the length limit; given for ``constant`` only.

    Returns:
        Scalar; 0 when no token is kept.

    Raises:
        ValueError: If shapes differ, the mask is not bool, or ``normalizer`` does not fit the mode.

    References:
        Yu et al. 2025, https://arxiv.org/abs/2503.14476, section 3.3; Shao et al. 2024,
        https://arxiv.org/abs/2402.03300, eq. 3; Liu et al. 2025, https://arxiv.org/abs/2503.20783.

    Example:
        >>> import torch
        >>> per_token = torch.tensor([[1.0, 2.0, 3.0], [6.0, 0.0, 0.0]])
        >>> mask = torch.tensor([[True, True, True], [True, False, False]])
        >>> aggregate_loss(per_token, mask)
        tensor(3.)
        >>> aggregate_loss(per_token, mask, aggregate="sequence")
        tensor(4.)
        >>> aggregate_loss(per_token, mask, aggregate="constant", normalizer=4)
        tensor(1.5000)
    """
    check_same_shape(per_token=per_token, response_mask=response_mask)
    own = loss_denominator(response_mask, aggregate)
    if (normalizer is not None) != (aggregate == "constant"):
        raise ValueError(
            f"normalizer goes with aggregate='constant' and only with it, got {normalizer} "
            f"with {aggregate!r}"
        )
    if normalizer is not None and not normalizer > 0:
        raise ValueError(f"normalizer must be > 0 tokens, got {normalizer}")

    if aggregate == "sequence":
        total = masked_mean(per_token, response_mask, dim=-1).sum()
    else:
        total = masked_sum(per_token, response_mask) / (normalizer or 1)
    return total / (own.clamp(min=1) if denominator is None else denominator)
