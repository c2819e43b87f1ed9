from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from torch.utils.data import DataLoader

from limr.tracking import RunLogger


class ToyModule(LightningModule):
    """One weight, logged once a step; `fail_at` raises `error` in that step."""

    def __init__(self, fail_at: int = -1, error: type[BaseException] = RuntimeError) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.fail_at = fail_at
        self.error = error

    def training_step(self, batch, batch_idx):
        if batch_idx == self.fail_at:
            raise self.error("asked for")
        self.log("toy/batch", float(batch_idx))
        return self.weight**2

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class ToyData(LightningDataModule):
    problems = ("a", "b", "c")

    def digest(self) -> str:
        return "d1ge57"

    def train_dataloader(self):
        return DataLoader(range(5), batch_size=None)


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory) -> str:
    """One database for the session: MLflow takes seconds to create its tables."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def run_logger(mlflow_uri, tmp_path) -> RunLogger:
    return RunLogger(
        experiment_name=tmp_path.name,
        tracking_uri=mlflow_uri,
        artifact_location=str(tmp_path / "artifacts"),
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
