"""verl's rollouts (``trainer.rollout_data_dir``): ``{step}.jsonl``, one response in each line.

A row is ``{"input", "output", "score", "gts", "step", ...}``, `input` the whole prompt with its
chat template but without special tokens (verl 0.9); lengths are not dumped.
"""

from typing import Any

from limr.tables import number_of, text_of
from limr.trajectories.importers.steps import Dumped, StepFormat


def _parse(row: Any) -> Dumped:
    return Dumped(
        prompt=text_of(row, "input", "prompt"),
        score=number_of(row, "score", "score"),
        response=str(row.get("output", "")),
    )


VERL = StepFormat(r"(\d+)\.jsonl", _parse)
"""What :func:`limr.trajectories.importers.steps.read_steps` needs to know."""
