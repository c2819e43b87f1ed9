"""Rollouts of other tools, read into a trajectory store."""

from limr.trajectories.importers.accuracies import read_accuracies
from limr.trajectories.importers.limr_dumps import LIMR
from limr.trajectories.importers.responses import (
    UNKNOWN,
    Grading,
    ImportedResponse,
    ImportSummary,
    write_store,
)
from limr.trajectories.importers.steps import StepOptions, read_steps
from limr.trajectories.importers.table import TableColumns, read_table
from limr.trajectories.importers.trl import trl_format
from limr.trajectories.importers.verl import VERL

__all__ = [
    "LIMR",
    "UNKNOWN",
    "VERL",
    "Grading",
    "ImportSummary",
    "ImportedResponse",
    "StepOptions",
    "TableColumns",
    "read_accuracies",
    "read_steps",
    "read_table",
    "trl_format",
    "write_store",
]
