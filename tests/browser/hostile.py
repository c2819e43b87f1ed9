"""Texts that run a script on a page that takes them for HTML, and a store full of them."""

from pathlib import Path

from limr.trajectories import TrajectoryRow, TrajectoryWriter, write_problems
from limr.types import Problem

HOSTILE = (
    "<script>window.__pwned = 1; alert(1)</script>",
    '"><img src=x onerror="window.__pwned = 1">',
    "</script></title></textarea></pre></td></svg><script>window.__pwned = 1</script>",
    "'-alert(1)-'<svg/onload=window.__pwned=1>",
    "javascript:window.__pwned=1//",
)


def write_store(folder: Path) -> None:
    """A trajectory store whose every text is hostile, from ids to responses."""
    write_problems(folder, [Problem(id=t, prompt=t, answer=t, family=t) for t in HOSTILE])
    writer = TrajectoryWriter(folder, HOSTILE[0])
    for epoch in range(3):
        rows = [
            TrajectoryRow(
                problem_id=text, sample=sample, score=1.0, status="correct", response_length=1,
                truncated=False, policy_version=epoch, answer=text, reason=text, response=text,
            )
            for text in HOSTILE
            for sample in range(2)
        ]  # fmt: skip
        writer.append(rows, epoch=epoch, step=epoch, rank=0)
