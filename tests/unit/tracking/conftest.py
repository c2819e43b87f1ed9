from pathlib import Path

import pytest
from lightning.pytorch import LightningModule, Trainer
from tracking_toys import ToyData, ToyModule

from limr.tracking import RunLogger


@pytest.fixture
def run_logger(mlflow_uri, tmp_path) -> RunLogger:
    return RunLogger(
        experiment_name=tmp_path.name,
        tracking_uri=mlflow_uri,
        artifact_location=str(tmp_path / "artifacts"),
        outbox=str(tmp_path / "outbox"),
    )


@pytest.fixture
def fit(tmp_path):
    """Runs a short fit with the given logger and callbacks."""

    def run(logger, *callbacks, module: LightningModule | None = None, root: Path = tmp_path):
        trainer = Trainer(
            accelerator="cpu",
            logger=logger,
            callbacks=list(callbacks),
            default_root_dir=root,
            max_epochs=1,
            log_every_n_steps=1,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        trainer.fit(module or ToyModule(), ToyData())
        return trainer

    return run
