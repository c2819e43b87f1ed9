"""The run's resolved configuration, kept where a person finds it and where the run is tracked."""

from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.trainer.states import TrainerFn


class MlflowSaveConfig(SaveConfigCallback):
    """Writes ``config.yaml`` into the trainer's root folder and as an artifact of each MLflow run.

    Verbs other than ``fit`` put their name before the file's: ``validate-config.yaml``.

    A run that starts in the same folder again overwrites the file; the artifact stays with its run.
    The command line needs ``save_config_kwargs={"save_to_log_dir": False}``: Lightning's own way of
    saving fails under MLflow (https://github.com/Lightning-AI/pytorch-lightning/issues/20184).
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save now, but for a fit: other callbacks may still refuse to start it."""
        if stage != "fit":
            super().setup(trainer, pl_module, stage)

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the configuration of a fit that does start."""
        super().setup(trainer, pl_module, "fit")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save it where no sanity check came first; a file is saved once."""
        super().setup(trainer, pl_module, "fit")

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save the configuration; Lightning calls this once, on the first rank."""
        verb = TrainerFn(stage).value
        # `validate` beside a finished `fit` must not replace the file that describes the training
        name = self.config_filename if verb == "fit" else f"{verb}-{self.config_filename}"
        text = self.parser.dump(self.config, skip_none=False)
        path = Path(trainer.default_root_dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for logger in trainer.loggers:
            if isinstance(logger, MLFlowLogger):
                logger.experiment.log_text(logger.run_id, text, self.config_filename)
