"""From one score per response to one reward per token."""

from torch import Tensor

from limr.rl.checks import check_response_mask, check_same_shape
from limr.rl.masking import zero_outside


def token_rewards(scores: Tensor, kl: Tensor, response_mask: Tensor, *, kl_coef: float) -> Tensor:
    r"""The verifier's score on the last token, minus the KL penalty on every token.

    .. math:: r_t = -\beta \, \mathrm{kl}_t + s \, [t = \text{last}]

    Args:
        scores: ``(B,)`` float, the verifier's, one per response.
        kl: ``(B, T)`` float, nats, policy against reference (:mod:`limr.rl.kl`).
        response_mask: ``(B, T)`` bool, True on response tokens (EOS included), then False.
        kl_coef: :math:`\beta`, reward units per nat, >= 0; 0 leaves the score alone.

    Returns:
        ``(B, T)`` float, reward units, zero under False.

    Raises:
        ValueError: If shapes do not fit, a row has a hole or no token at all, or ``kl_coef`` < 0.

    References:
        Ouyang et al. 2022, https://arxiv.org/abs/2203.02155, eq. 2 (the penalty inside the reward).

    Example:
        >>> import torch
        >>> kl = torch.tensor([[0.5, 1.0, 7.0]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> token_rewards(torch.tensor([1.0]), kl, mask, kl_coef=0.5)
        tensor([[-0.2500,  0.5000,  0.0000]])
    """
    check_same_shape(kl=kl, response_mask=response_mask)
    check_response_mask(response_mask)
    if scores.shape != response_mask.shape[:1]:
        raise ValueError(
            f"scores must be ({response_mask.shape[0]},), one per row of response_mask, "
            f"got {tuple(scores.shape)}"
        )
    if kl_coef < 0:
        raise ValueError(f"kl_coef must be >= 0, got {kl_coef}")
    lengths = response_mask.sum(dim=1)
    if (lengths == 0).any():
        row = int((lengths == 0).nonzero()[0])
        raise ValueError(f"row {row} of response_mask keeps no token, so its score has no place")

    penalty = zero_outside(-kl_coef * kl, response_mask)
    score = scores.to(penalty.dtype).unsqueeze(1)
    return penalty.scatter_add(1, (lengths - 1).unsqueeze(1), score)


def overlong_penalty(lengths: Tensor, *, max_response_tokens: int, buffer_tokens: int) -> Tensor:
    r"""Soft punishment for responses that near the length limit, to be added to the scores.

    .. math:: p = \begin{cases} 0 & \ell \le L - c \\ (L - c - \ell) / c & L - c < \ell \le L \\
              -1 & \ell > L \end{cases}

    Args:
        lengths: ``(B,)`` response lengths :math:`\ell` in tokens.
        max_response_tokens: The limit :math:`L`.
        buffer_tokens: Width :math:`c` of the stretch before the limit in which the penalty grows,
            in ``[1, max_response_tokens]``.

    Returns:
        ``(B,)`` float32, reward units, in [-1, 0].

    Raises:
        ValueError: If ``buffer_tokens`` lies outside its range.

    References:
        Yu et al. 2025 (DAPO), https://arxiv.org/abs/2503.14476, eq. 13.

    Example:
        >>> import torch
        >>> overlong_penalty(torch.tensor([5, 9, 10]), max_response_tokens=10, buffer_tokens=4)
        tensor([ 0.0000, -0.7500, -1.0000])
    """
    if not 1 <= buffer_tokens <= max_response_tokens:
        raise ValueError(
            f"buffer_tokens must be in [1, max_response_tokens = {max_response_tokens}], "
            f"got {buffer_tokens}"
        )
    onset = max_response_tokens - buffer_tokens
    return ((onset - lengths).float() / buffer_tokens).clamp(-1.0, 0.0)
