"""The command line of training: a run's YAML and flags become model, data and trainer."""

import logging
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import lightning.pytorch.cli as lightning_cli
import transformers
from jsonargparse import set_parsing_settings
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule, Trainer

import limr.data
import limr.training  # noqa: F401 - makes short class names known to the parser
from limr.mistakes import OneLineParser, in_one_line
from limr.tracking import MlflowSaveConfig

VERBS = {
    "fit": {"model", "datamodule", "train_dataloaders", "val_dataloaders"},
    "validate": {"model", "datamodule", "dataloaders"},
}
"""Each verb with the Trainer arguments that the command line fills in itself."""

_USAGE = "limr {verb} --config FILE [--config OVERLAY ...] [--key value ...]"

_DESCRIPTIONS = {
    "fit": "Train as the YAML files and flags describe; later ones win.",
    "validate": "Measure a model, or with --ckpt_path a trained one, on the benchmarks.",
}

_PARTS = """\
what the parts take:
  limr {verb} --model.help PPOModule           PPO: sampling, update, reward, engine, optimizer
  limr {verb} --model.help SupervisedModule    a tiny base model from nothing
  limr {verb} --data.help MathDataModule       problems, benchmarks, prompts, batches
the run with every default filled in, runnable as it is:
  limr {verb} --config FILE --print_config
the options below are the trainer's, from Lightning
"""

_NOISE = ("litlogger", "Loading `train_dataloader` to estimate")


class LimrArgumentParser(OneLineParser, lightning_cli.LightningArgumentParser):
    """Lightning's parser, whose mistakes take one line."""


class LimrCLI(lightning_cli.LightningCLI):
    """Lightning's command line with limr's two verbs, and no others."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The verbs, see :data:`VERBS`."""
        return VERBS

    def parse_arguments(
        self, parser: lightning_cli.LightningArgumentParser, args: lightning_cli.ArgsType
    ) -> None:
        """Parse `args` alone, whatever `sys.argv` is, and look at the checkpoint they name."""
        assert isinstance(args, list)
        self.config = parser.parse_args(args)
        check_checkpoint(self.config[self.config["subcommand"]].get("ckpt_path"))

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer; what Lightning refuses in its arguments is the user's to mend.

        Raises:
            ValueError: If Lightning refuses them, for one an accelerator this machine lacks.
        """
        try:
            return super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ValueError) as error:
            raise ValueError(f"trainer: {error}") from error


class ParseOnly(LimrCLI):
    """The command line up to where the first class would be built."""

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


def check_checkpoint(path: str | None) -> None:
    """Refuse a checkpoint that is not there or damaged before anything is built.

    `last`, `best` and `hpc` are left to the trainer, so are URLs and registry names, and folders,
    which are checkpoints saved by several processes.

    Raises:
        ValueError: If there is no such file, or it is not the archive that torch saves.
    """
    if path is None or path in ("last", "best", "hpc", "registry") or re.match(r"\w+:", path):
        return
    if not Path(path).exists():
        raise ValueError(f"ckpt_path: no such file: {path}")
    if Path(path).is_file() and not zipfile.is_zipfile(path):
        raise ValueError(f"ckpt_path: {path} is no checkpoint, or a damaged one")


def quiet_libraries() -> None:
    """Keep other libraries' advertisements, loading bars and known deprecations off the screen."""
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: not any(part in str(record.msg) for part in _NOISE)
    )


def run(args: list[str]) -> int:
    """Parse `args` (verb first), run the verb, and turn our own errors into one line.

    Returns:
        0 when the verb finished, 1 when limr refused something (bad data, missing file). Mistakes
        in the configuration exit with status 2 from the parser. Any other exception passes with its
        traceback.
    """
    return in_one_line(lambda: command_line(LimrCLI, args))


def parse_fit(args: list[str]) -> dict[str, Any]:
    """What `limr fit` would run with these arguments, every default filled in; nothing is built."""
    cli = command_line(ParseOnly, ["fit", *args])
    parsed: dict[str, Any] = cli.config["fit"].as_dict()
    return parsed


def command_line(cli_class: type[LimrCLI], args: list[str]) -> LimrCLI:
    """Parse `args` and do with them what `cli_class` does."""
    quiet_libraries()
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    return cli_class(
        LightningModule,
        LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        parser_class=LimrArgumentParser,
        parser_kwargs={
            "prog": "limr",
            **{
                verb: {
                    "usage": _USAGE.format(verb=verb),
                    "description": f"{_DESCRIPTIONS[verb]}\n\n{_PARTS.format(verb=verb)}",
                }
                for verb in VERBS
            },
        },
        save_config_callback=MlflowSaveConfig,
        save_config_kwargs={"save_to_log_dir": False},
        auto_configure_optimizers=False,
        args=args,
    )
