r"""Reductions over the kept entries of a padded tensor.

Masks are bool, True = keep. What lies under False is never read: NaN or inf there changes neither
a result nor a gradient. Half precision is reduced in float32. An empty selection has sum, mean and
variance 0: a rank or micro-batch left without a token adds nothing, and still takes part.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from limr.rl.checks import check_mask, check_same_shape

WHITEN_EPS = 1e-8
"""Added to the variance before the root, so that constant input becomes 0."""


def zero_outside(x: Tensor, mask: Tensor) -> Tensor:
    """The kept entries in float32 or better, and 0 elsewhere, with no gradient to what is dropped.

    Args:
        x: Any shape and dtype.
        mask: Same shape, bool.

    Returns:
        The shape of ``x``; float64 stays float64, every other dtype becomes float32.

    Raises:
        ValueError: If the shapes differ or the mask is not bool.
    """
    check_same_shape(x=x, mask=mask)
    check_mask(mask)
    return x.to(torch.promote_types(x.dtype, torch.float32)).masked_fill(~mask, 0.0)


def masked_sum(x: Tensor, mask: Tensor, dim: int | None = None) -> Tensor:
    """Sum of the kept entries.

    Args:
        x: Any shape.
        mask: Same shape, bool.
        dim: The dimension to reduce; None reduces all of them.

    Returns:
        Scalar, or ``x`` without ``dim``. An empty selection sums to 0.

    Raises:
        ValueError: If the shapes differ or the mask is not bool.

    Example:
        >>> x = torch.tensor([[1.0, 2.0, float("nan")]])
        >>> masked_sum(x, ~x.isnan(), dim=1)
        tensor([3.])
    """
    return zero_outside(x, mask).sum(dim=dim)


def masked_mean(x: Tensor, mask: Tensor, dim: int | None = None) -> Tensor:
    """Mean of the kept entries.

    Args:
        x: Any shape.
        mask: Same shape, bool.
        dim: The dimension to reduce; None reduces all of them.

    Returns:
        Scalar, or ``x`` without ``dim``. The mean of an empty selection is 0.

    Raises:
        ValueError: If the shapes differ or the mask is not bool.

    Example:
        >>> x = torch.tensor([[1.0, 3.0], [5.0, 7.0]])
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> masked_mean(x, mask), masked_mean(x, mask, dim=1)
        (tensor(3.), tensor([2., 5.]))
    """
    return masked_sum(x, mask, dim) / mask.sum(dim=dim).clamp(min=1)


def moments(
    x: Tensor, mask: Tensor, reduce: Callable[[Tensor], Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (divided by the count) of the kept entries; of all ranks' entries.

    The squares are summed around the mean, in a second pass, so a large mean costs no digits.

    Args:
        x: Any shape.
        mask: Same shape, bool.
        reduce: Sums a small tensor over the ranks and *returns* the sum; None stays on this one. It
            is called twice, with a tensor of 2 and of 1 entries, on every rank alike, also on one
            whose mask is empty.

    Returns:
        Two scalars; 0 without a kept entry anywhere.

    Raises:
        ValueError: If the shapes differ or the mask is not bool.

    Example:
        >>> moments(torch.tensor([1.0, 3.0, 9.0]), torch.tensor([True, True, False]))
        (tensor(2.), tensor(1.))
    """
    everywhere = reduce or (lambda partial: partial)
    kept = zero_outside(x, mask)
    total, count = everywhere(torch.stack([kept.sum(), mask.sum().to(kept.dtype)])).unbind()
    count = count.clamp(min=1)
    mean = total / count
    squares = (kept - mean).masked_fill(~mask, 0.0).square().sum()
    return mean, everywhere(squares.reshape(1))[0] / count


def whiten(
    x: Tensor,
    mask: Tensor,
    shift_mean: bool = True,
    reduce: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    r"""Scale the kept entries to variance 1 and, by default, shift them to mean 0.

    .. math:: y_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + 10^{-8}}} \; (+\, \mu
              \text{ when the mean is not shifted})

    :math:`\mu` and :math:`\sigma^2` are the :func:`moments` of every kept entry; with ``reduce``,
    of all ranks' entries.

    Args:
        x: Any shape.
        mask: Same shape, bool.
        shift_mean: False keeps the mean and only scales.
        reduce: As in :func:`moments`.

    Returns:
        The shape of ``x``, float32 (float64 for float64), zero under False. Without a kept entry
        anywhere: all zero.

    Raises:
        ValueError: If the shapes differ or the mask is not bool.

    Example:
        >>> x = torch.tensor([[1.0, 3.0, float("nan")]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> whiten(x, mask)
        tensor([[-1.,  1.,  0.]])
        >>> whiten(x, mask, shift_mean=False)
        tensor([[1., 3., 0.]])
    """
    mean, var = moments(x, mask, reduce)
    centred = (zero_outside(x, mask) - mean).masked_fill(~mask, 0.0)
    whitened = centred * torch.rsqrt(var + WHITEN_EPS)
    return whitened if shift_mean else (whitened + mean).masked_fill(~mask, 0.0)
