"""Small stores whose numbers can be counted by hand, and pages taken apart by a parser."""

import re
from html.parser import HTMLParser

from limr.trajectories import TrajectoryRow, TrajectoryWriter, write_problems
from limr.types import Problem

PORT = 8765
MISCHIEF = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</title><svg onload=alert(3)>",
    "' onmouseover='alert(4)",
    "{{ 7 * 7 }}{% raw %}",
    "a/../b//c?d=e&f#g %2F+\\",
    "nul\x00 bell\x07 escape\x1b[31m delete\x7f next\x85 tab\t",
    "\u202edesrever\u200b \u2028\ufeff",
    "中文 é 🎲 \U000e0041",
    " ",
)

CORRECT = {
    "easy": [1, 2, 2],
    "middle": [0, 1, 2],
    "hard": [0, 0, 0],
    "late": [None, None, 1],
}
"""Correct ones of two responses, epoch by epoch; None is an epoch without a visit."""


def row(problem_id, **changes):
    values = {
        "problem_id": problem_id,
        "sample": 0,
        "score": 1.0,
        "status": "correct",
        "response_length": 7,
        "truncated": False,
        "policy_version": 0,
        "answer": "7",
        "reason": None,
        "response": "so 7",
    }
    return TrajectoryRow(**(values | changes))


def wrong(problem_id, **changes):
    values = {"score": -0.5, "status": "wrong", "reason": "not equal", "answer": "8"}
    return row(problem_id, **(values | changes))


def write_counted(folder, epochs=3, asked=True):
    """The store of :data:`CORRECT`, a step for each epoch, with a problem that was never seen."""
    writer = TrajectoryWriter(folder, "run")
    for epoch in range(epochs):
        rows = []
        for name, counts in CORRECT.items():
            if counts[epoch] is not None:
                rows += [
                    row(name, sample=k) if k < counts[epoch] else wrong(name, sample=k)
                    for k in range(2)
                ]
        writer.append(rows, epoch=epoch, step=epoch, rank=0)
    if asked:
        problems = [
            Problem(id=name, prompt=f"Prompt of {name}", answer="7", family=f"kind {n % 2}")
            for n, name in enumerate([*CORRECT, "unvisited"])
        ]
        write_problems(folder, problems)
    return writer


_ACTIVE = {"script", "img", "iframe", "object", "embed", "style", "base"}
_LOCAL = re.compile(r"/(?!/)|#|data:,$")


class Page(HTMLParser):
    """A page's elements and texts."""

    def __init__(self, source):
        super().__init__()
        self.elements, self._texts = [], []
        self.feed(source)
        self.text = " ".join("".join(self._texts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._texts.append(" ")

    def handle_endtag(self, tag):
        self._texts.append(" ")

    def handle_data(self, data):
        self._texts.append(data)

    def links(self, **wanted):
        """Addresses of the links that have these attributes."""
        return [
            attrs["href"]
            for tag, attrs in self.elements
            if tag == "a" and all(attrs.get(name) == value for name, value in wanted.items())
        ]

    def is_harmless(self):
        """Whether nothing could run, and nothing is loaded from elsewhere."""
        for tag, attrs in self.elements:
            if tag in _ACTIVE or "http-equiv" in attrs:
                return False
            for name, value in attrs.items():
                if name.startswith("on") or name in ("style", "src", "srcdoc"):
                    return False
                if name in ("href", "action") and not _LOCAL.match(value or ""):
                    return False
        return True
