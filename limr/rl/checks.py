"""Checks that open the public functions: one message each, naming the argument and what it got."""

import torch
from torch import Tensor


def check_same_shape(**tensors: Tensor) -> None:
    """Refuse tensors of different shapes.

    Args:
        **tensors: The tensors under their argument names.

    Raises:
        ValueError: If two shapes differ.

    Example:
        >>> check_same_shape(values=torch.zeros(2, 3), returns=torch.zeros(2, 4))
        Traceback (most recent call last):
            ...
        ValueError: values and returns must share one shape, got (2, 3) and (2, 4)
    """
    if len({tensor.shape for tensor in tensors.values()}) > 1:
        names = _listed(list(tensors))
        shapes = _listed([str(tuple(tensor.shape)) for tensor in tensors.values()])
        raise ValueError(f"{names} must share one shape, got {shapes}")


def check_mask(mask: Tensor, name: str = "mask") -> None:
    """Refuse a mask that is not bool: ``~`` on an int mask would flip bits, not keep and drop.

    Args:
        mask: Any shape.
        name: The argument's name for the message.

    Raises:
        ValueError: If the dtype is not ``torch.bool``.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"{name} must be bool (True = keep), got {mask.dtype}; use {name}.bool()")


def check_response_mask(response_mask: Tensor) -> None:
    """Refuse a mask that is not ``(B, T)`` bool with True, then False, in every row.

    Args:
        response_mask: The mask to look at. An empty row (all False) passes.

    Raises:
        ValueError: If the dtype or rank is wrong, or a row has a hole or left padding.
    """
    check_mask(response_mask, "response_mask")
    if response_mask.ndim != 2:
        raise ValueError(f"response_mask must be (B, T), got shape {tuple(response_mask.shape)}")
    rises = (response_mask[:, 1:] & ~response_mask[:, :-1]).any(dim=1)
    if rises.any():
        row = int(rises.nonzero()[0])
        raise ValueError(
            "response_mask must be True on a response's tokens and False after them "
            f"(right-padded, no holes); row {row} turns from False to True"
        )


def check_unit_interval(**values: float) -> None:
    """Refuse numbers outside [0, 1].

    Args:
        **values: The numbers under their argument names.

    Raises:
        ValueError: If a number lies outside.
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be in [0, 1], got {value}")


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
