r"""The conditions under which a response is malformed, each on its own and switchable.

The rules are those of LIMR (arXiv 2502.11886, section 2.4) as its reward server applies them. Every
check takes linear or near-linear time in the length of the response, whatever the response is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])")
_STRANGE = re.compile("[^\\w\\s!-~\u2200-\u22ff]+")
_FIVE_ALIKE = r"(.)\1{%d,}"


MALFORMED = (
    "truncated",
    "too_few_boxes",
    "too_many_boxes",
    "strange_characters",
    "repetition",
    "no_complete_box",
    "empty_box",
)
"""Reasons for which a response is malformed: the checks in their order, then the box itself."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """Which malformed checks run, and their limits; None or False switches one off."""

    ended: bool = True
    """A response cut at the length limit is malformed."""
    min_boxes: int | None = 1
    r"""Fewest ``\boxed`` or ``\fbox`` a response may have."""
    max_boxes: int | None = 4
    r"""Most ``\boxed`` or ``\fbox`` a response may have."""
    max_strange_share: float | None = 0.3
    """Largest share, in [0, 1], of characters that are not letters, digits, white space, ASCII
    punctuation or mathematical operators (U+2200 to U+22FF)."""
    repeat_chars: int = 5
    """Shortest unit, in characters, whose repetition counts."""
    repeat_times: int | None = 5
    """A unit this many times in a row is malformed."""

    def __post_init__(self) -> None:
        share = self.max_strange_share
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"max_strange_share must be in [0, 1], got {share}")
        if self.repeat_chars < 1 or (self.repeat_times is not None and self.repeat_times < 2):
            raise ValueError(
                "repeat_chars must be >= 1 and repeat_times >= 2, got "
                f"{self.repeat_chars} and {self.repeat_times}"
            )

    def first_failure(self, response: str, *, truncated: bool = False) -> str:
        """The name of the first check the response fails, cheapest first, or an empty string."""
        if self.ended and truncated:
            return "truncated"
        boxes = count_boxes(response)
        if self.min_boxes is not None and boxes < self.min_boxes:
            return "too_few_boxes"
        if self.max_boxes is not None and boxes > self.max_boxes:
            return "too_many_boxes"
        share = self.max_strange_share
        if share is not None and strange_share(response) > share:
            return "strange_characters"
        times = self.repeat_times
        if times is not None and has_repetition(response, self.repeat_chars, times):
            return "repetition"
        return ""


GRADING_ONLY = Checks(max_boxes=None, max_strange_share=None, repeat_times=None)
"""What makes an answer readable, without what a training reward adds against gaming."""


def count_boxes(text: str) -> int:
    r"""How often ``\boxed`` or ``\fbox`` stands in the text, complete or not."""
    return sum(1 for _ in _BOX.finditer(text))


def strange_share(text: str) -> float:
    """The share of characters, in [0, 1], that mathematics in plain text has no use for."""
    if not text:
        return 0.0
    return sum(len(run.group()) for run in _STRANGE.finditer(text)) / len(text)


def has_repetition(text: str, min_chars: int = 5, times: int = 5) -> bool:
    """Whether some unit of at least ``min_chars`` characters stands ``times`` times in a row.

    A repeated unit of length ``p`` shows ``times`` equal characters in a row in ``text[::p]``; only
    there are the characters around compared. All strides together read
    ``n * (1 + 1/2 + 1/3 + ...)`` characters: near-linear in the length ``n``.
    """
    alike = re.compile(_FIVE_ALIKE % (times - 1), re.DOTALL)
    for period in range(min_chars, len(text) // times + 1):
        for run in alike.finditer(text[::period]):
            for sample in range(run.start(), run.end() - 1, max(1, times - 2)):
                if _periodic_around(text, sample * period, period, times):
                    return True
    return False


def _periodic_around(text: str, start: int, period: int, times: int) -> bool:
    """Whether ``times`` units of length ``period`` stand in a row around position ``start``."""
    wanted = (times - 1) * period
    ahead = _common_run(text, start, start + period, wanted, forward=True)
    behind = _common_run(text, start, start + period, wanted - ahead, forward=False)
    return ahead + behind >= wanted


def _common_run(text: str, left: int, right: int, wanted: int, *, forward: bool) -> int:
    """How many characters agree from ``left`` and ``right`` on (or back), up to ``wanted``."""
    room = min(wanted, len(text) - right if forward else left)
    agreed, step = 0, 8
    while agreed < room:
        step = min(step, room - agreed)
        if forward:
            a, b = left + agreed, right + agreed
        else:
            a, b = left - agreed - step, right - agreed - step
        if text[a : a + step] == text[b : b + step]:
            agreed += step
            step *= 2
        elif step == 1:
            break
        else:
            step //= 2
    return agreed
