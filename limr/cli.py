"""The command line of training: a run's YAML and flags become model, data and trainer."""

import logging
import re
import warnings
from typing import Any

import lightning.pytorch.cli as lightning_cli
import transformers
from jsonargparse import set_parsing_settings
from jsonargparse.typing import PositiveInt
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule, Trainer

import limr.data
import limr.training
from limr.mistakes import OneLineParser, in_one_line
from limr.tracking import MlflowSaveConfig, RunLogger
from limr.training.resuming import check_origin, find_checkpoint, mlflow_run

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

_NOISE = ("litlogger", "litmodels", "Loading `train_dataloader` to estimate")


class LimrArgumentParser(OneLineParser, lightning_cli.LightningArgumentParser):
    """Lightning's parser, whose mistakes take one line."""


class LimrCLI(lightning_cli.LightningCLI):
    """Lightning's command line with limr's two verbs, and no others."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The verbs, see :data:`VERBS`."""
        return VERBS

    def _prepare_subcommand_parser(
        self, klass: type, subcommand: str, **kwargs: Any
    ) -> lightning_cli.LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand == "validate":
            parser.add_argument(
                "--benchmarks",
                type=str | None,
                help="Measure these alone, comma-separated: benchmarks of the configuration, names "
                "of files in evaluators/ (math500) or YAML files of your own.",
            )
            parser.add_argument(
                "--limit",
                type=PositiveInt | None,
                help="Measure the first questions of each benchmark only.",
            )
        return parser

    def parse_arguments(
        self, parser: lightning_cli.LightningArgumentParser, args: lightning_cli.ArgsType
    ) -> None:
        """Parse `args` alone, whatever `sys.argv` is."""
        assert isinstance(args, list)
        self.config = parser.parse_args(args)

    def _parse_ckpt_path(self) -> None:
        """Leave the configuration alone: Lightning would take parts of it from the checkpoint."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer; what Lightning refuses in its arguments is the user's to mend.

        Raises:
            ValueError: If Lightning refuses them, for one an accelerator this machine lacks.
        """
        try:
            return super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ValueError) as error:
            raise ValueError(f"trainer: {error}") from error

    def before_fit(self) -> None:
        """Find the checkpoint to go on from, and the MLflow run."""
        path = self._settle_checkpoint("fit")
        if path and (run_id := mlflow_run(path)):
            for logger in self.trainer.loggers:
                if isinstance(logger, RunLogger):
                    logger.go_on_with(run_id)

    def before_validate(self) -> None:
        """Find the checkpoint to measure, and what to measure it on.

        Raises:
            ValueError: If there is no such checkpoint or benchmark, or the data module has none to
                choose from.
        """
        self._settle_checkpoint("validate")
        settings = self.config_init["validate"]
        names, limit = settings.get("benchmarks"), settings.get("limit")
        if names is None and limit is None:
            return
        if not isinstance(self.datamodule, limr.data.MathDataModule):
            raise ValueError("--benchmarks and --limit need limr.data.MathDataModule as data")
        if names is not None:
            self.datamodule.benchmarks.measure_only([n.strip() for n in names.split(",")])
        self.datamodule.benchmarks.limit = limit

    def _settle_checkpoint(self, verb: str) -> str | None:
        settings = self.config_init[verb]
        path: str | None = settings.get("ckpt_path")
        if path is not None and not is_remote(path):
            path = find_checkpoint(path, self.trainer, may_start=verb == "fit")
            if path is not None:
                check_origin(path, self.model)
            settings["ckpt_path"] = path
        return path


class ParseOnly(LimrCLI):
    """The command line up to where the first class would be built."""

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


def is_remote(path: str) -> bool:
    """Whether the trainer has to fetch it: a URL or a name in a registry."""
    return path == "registry" or bool(re.match(r"\w+:", path))


def quiet_libraries() -> None:
    """Keep other libraries' advertisements, loading bars and known deprecations off the screen."""
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it raises as well
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
