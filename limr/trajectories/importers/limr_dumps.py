"""The original LIMR code's rollouts: ``step_{n}.json``, n from 1, a list of responses each.

A row is ``{"prompt", "response", "reward", "response_length"}``. The released code holds a response
for correct when its reward is exactly 1, and an epoch is 8 steps of 1,024 prompts x 8 samples.
"""

from typing import Any

from limr.tables import number_of, text_of
from limr.trajectories.importers.steps import Dumped, StepFormat


def _parse(row: Any) -> Dumped:
    return Dumped(
        prompt=text_of(row, "prompt", "prompt"),
        score=number_of(row, "reward", "reward"),
        response=str(row.get("response", "")),
        response_length=int(number_of(row, "response_length", "response length")),
    )


LIMR = StepFormat(r"step_(\d+)\.json", _parse)
"""What :func:`limr.trajectories.importers.steps.read_steps` needs to know."""
