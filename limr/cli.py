"""The command line: a run's YAML and flags become model, data and trainer; mistakes, one line."""

import difflib
import logging
import re
import sys
import traceback
import warnings
from typing import Any, NoReturn

import lightning.pytorch.cli as lightning_cli
import transformers
from jsonargparse import DefaultHelpFormatter, set_parsing_settings
from lightning.pytorch import LightningDataModule, LightningModule

import limr.data
import limr.training  # noqa: F401 - makes short class names known to the parser
from limr.tracking import MlflowSaveConfig

VERBS = ("fit", "validate")

_USAGE = "limr VERB --config FILE [--config OVERLAY ...] [--key value ...]"

_EPILOG = """\
what the parts take:
  limr fit --model.help PPOModule           PPO: sampling, update, reward, engine, optimizer
  limr fit --model.help SupervisedModule    a tiny base model from nothing
  limr fit --data.help MathDataModule       problems, benchmarks, prompts, batches
the run with every default filled in, runnable as it is:
  limr fit --config FILE --print_config
"""

_NOISE = ("litlogger", "Loading `train_dataloader` to estimate")

_UNKNOWN_KEY = re.compile(r"(?:option|Option|unrecognized arguments:) '?-*([\w.]+)")
_KEY = re.compile(r'-? *Parser key "([\w.]+)": *')
_SCAFFOLD = re.compile(
    r"-? *(Does not validate against|Subtypes:|Errors:|Problem with given class_path|"
    r"Given value type:|Given value: .*[{(\[]|Expected a <class 'NoneType'>$)"
)


class _HelpFormatter(DefaultHelpFormatter):
    """Keeps the epilog's lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


class LimrArgumentParser(lightning_cli.LightningArgumentParser):
    """Reports a mistake in one line instead of a page of usage."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"formatter_class": _HelpFormatter, **kwargs})

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong, with a suggestion for a misspelt key, and exit with status 2."""
        message += self._suggestion(message)
        if not self.exit_on_error:
            super().error(message, ex)
        sys.stderr.write(f"error: {plain(message)}\nhelp:  limr VERB --help\n")
        sys.exit(2)

    def _suggestion(self, message: str) -> str:
        found = _UNKNOWN_KEY.search(message)
        if not found or "did you mean" in message:
            return ""
        known = {name for a in self._actions for name in (a.dest or "").split(".")}
        close = difflib.get_close_matches(found[1].rpartition(".")[2], known, n=1)
        return f" (did you mean '{close[0]}'?)" if close else ""


def plain(message: str) -> str:
    """A parser's nested report as one line: the path of keys, then what is wrong there."""
    keys: list[str] = []
    facts: list[str] = []
    for line in map(str.strip, message.splitlines()):
        if key := _KEY.match(line):
            keys.append(key[1])
            line = line[key.end() :]
        if line and not _SCAFFOLD.match(line):
            facts.append(line.removeprefix("- "))
    where = ".".join(keys)
    return f"{where}: {'; '.join(facts)}" if where else "; ".join(facts)


class LimrCLI(lightning_cli.LightningCLI):
    """Lightning's command line with limr's two verbs, and no others."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The verbs, each with the Trainer arguments that the command line fills in itself."""
        data = {"model", "datamodule"}
        return {
            "fit": {*data, "train_dataloaders", "val_dataloaders"},
            "validate": {*data, "dataloaders"},
        }

    def add_arguments_to_parser(self, parser: lightning_cli.LightningArgumentParser) -> None:
        """Replace a page of generated usage by what a reader needs."""
        parser.usage = _USAGE
        parser.epilog = _EPILOG

    def parse_arguments(
        self, parser: lightning_cli.LightningArgumentParser, args: lightning_cli.ArgsType
    ) -> None:
        """Parse `args` alone, whatever `sys.argv` is."""
        assert isinstance(args, list)
        self.config = parser.parse_args(args)


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
    quiet_libraries()
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    try:
        LimrCLI(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            parser_class=LimrArgumentParser,
            parser_kwargs={"prog": "limr"},
            save_config_callback=MlflowSaveConfig,
            save_config_kwargs={"save_to_log_dir": False},
            auto_configure_optimizers=False,
            args=args,
        )
    except (ValueError, OSError) as error:
        if not raised_by_limr(error):
            raise
        sys.stderr.write(f"error: {plain(str(error))}\n")
        return 1
    return 0


def raised_by_limr(error: BaseException | None) -> bool:
    """Whether limr's own code raised it, or what caused it, on purpose.

    What a library raised by itself is not for the user to mend and keeps its traceback.
    """
    if error is None:
        return False
    *_, (innermost, _line) = traceback.walk_tb(error.__traceback__)
    module = str(innermost.f_globals["__name__"]).partition(".")[0]
    return module in ("limr", "evaluators") or raised_by_limr(error.__cause__ or error.__context__)
