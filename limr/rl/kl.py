r"""Per-token estimators of :math:`\mathrm{KL}(\pi \| \pi_{ref})`, on tokens :math:`\pi` drew.

With :math:`d = \log \pi(y) - \log \pi_{ref}(y)` of the sampled token, the three estimators of John
Schulman, "Approximating KL divergence" (2020), http://joschu.net/blog/kl-approx.html. Elementwise:
mask afterwards. Nats.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from limr.rl.checks import check_same_shape

KLEstimator = Literal["k1", "k2", "k3"]


def kl_k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    r""":math:`d`: unbiased, of either sign, high variance.

    Args:
        logprobs: Any shape, nats, of tokens sampled by this policy.
        ref_logprobs: Same shape, the reference's.

    Returns:
        The same shape, nats.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> kl_k1(torch.tensor([-1.0, -2.0]), torch.tensor([-2.0, -1.0]))
        tensor([ 1., -1.])
    """
    check_same_shape(logprobs=logprobs, ref_logprobs=ref_logprobs)
    return logprobs - ref_logprobs


def kl_k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    r""":math:`d^2 / 2`: never negative, low variance, biased (little while the policies are close).

    Args:
        logprobs: Any shape, nats, of tokens sampled by this policy.
        ref_logprobs: Same shape, the reference's.

    Returns:
        The same shape, nats.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> kl_k2(torch.tensor([-1.0, -3.0]), torch.tensor([-2.0, -1.0]))
        tensor([0.5000, 2.0000])
    """
    return 0.5 * kl_k1(logprobs, ref_logprobs).square()


def kl_k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    r""":math:`e^{-d} - 1 + d`: unbiased, never negative, low variance.

    Args:
        logprobs: Any shape, nats, of tokens sampled by this policy.
        ref_logprobs: Same shape, the reference's.

    Returns:
        The same shape, nats. Computed with ``expm1``, so nearly equal policies lose no digits.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> kl_k3(torch.tensor([-1.0, -1.0]), torch.tensor([-1.0, -2.0]))
        tensor([0.0000, 0.3679])
    """
    difference = kl_k1(logprobs, ref_logprobs)
    return torch.expm1(-difference) + difference


KL_ESTIMATORS: Mapping[KLEstimator, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"k1": kl_k1, "k2": kl_k2, "k3": kl_k3}
)
"""The estimators by the name a run file uses."""
