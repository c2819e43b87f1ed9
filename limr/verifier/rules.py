"""Policies of equality that graders disagree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)  # no slots: the command line reads defaults by vars()
class Rules:
    r"""What counts as the same answer where graders disagree; each holds both ways round.

    Example:
        >>> from limr.verifier import equivalent
        >>> equivalent("1.414", r"\sqrt2"), equivalent("1.414", r"\sqrt2", Rules(rounded_digits=3))
        (False, True)
    """

    degree_sign_optional: bool = True
    r"""``30`` equals ``30^\circ``."""
    degrees_equal_radians: bool = True
    r"""``30^\circ`` equals ``\pi/6``; in a function, as in ``\sin 30^\circ``, it always does."""
    percent: Literal["either", "value", "number"] = "either"
    r"""``50\%`` beside an answer without the sign: ``0.5`` (value), ``50`` (number) or both."""
    unit_optional: bool = True
    r"""``5\text{ cm}`` equals ``5``. Two different known units are never equal."""
    base_optional: bool = True
    """``204_5`` equals ``204``."""
    label_optional: bool = True
    """``x = 5`` equals ``5``, and ``x = 1, y = 2`` equals ``1, 2``."""
    lists_ordered: bool = False
    """``1, 2`` differs from ``2, 1``; sets are never ordered, tuples always."""
    list_equals_tuple: bool = True
    """``1, 2`` equals ``(1, 2)``, in the same order."""
    list_equals_set: bool = True
    r"""``1, 2`` equals ``\{2, 1\}``, and ``5`` equals ``\{5\}``."""
    column_equals_tuple: bool = True
    """A row or a column equals the tuple of its elements."""
    interval_equals_inequality: bool = True
    r"""``(3, \infty)`` equals ``x > 3``."""
    ratio_equals_fraction: bool = True
    """``1:2`` equals ``1/2``."""
    ignore_case: bool = True
    """``Even`` equals ``even``, and ``x^2`` equals ``X^2``."""
    log_base: Literal["either", "e", "10"] = "either"
    r"""The base of ``\log`` written without one."""
    rounded_digits: int | None = None
    r"""Fewest significant digits of a decimal that equals the exact value it is the rounding of
    (to nearest, at the digits it has). Only values without a finite decimal, such as ``\sqrt2`` and
    ``\frac13``, may be rounded. None: a rounded value is wrong."""

    def __post_init__(self) -> None:
        if self.rounded_digits is not None and self.rounded_digits < 1:
            raise ValueError(f"rounded_digits must be >= 1 or None, got {self.rounded_digits}")
