"""What several parts ask of Lightning's trainer."""

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import MLFlowLogger


def steps_done(trainer: Trainer) -> int:
    """Training steps (rollout batches) that the run has taken."""
    return trainer.fit_loop.epoch_loop.total_batch_idx + 1


def mlflow_loggers(trainer: Trainer) -> list[MLFlowLogger]:
    """The loggers that write to MLflow."""
    return [logger for logger in trainer.loggers if isinstance(logger, MLFlowLogger)]
