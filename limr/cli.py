"""The command line: a run's YAML and flags become model, data and trainer; mistakes, one line."""

import difflib
import re
import sys
import traceback
from typing import NoReturn

import lightning.pytorch.cli as lightning_cli
from jsonargparse import set_parsing_settings
from lightning.pytorch import LightningDataModule, LightningModule

from limr.tracking import MlflowSaveConfig

VERBS = ("fit", "validate")

_UNKNOWN_KEY = re.compile(r"(?:does not accept|No action for|Unrecognized).*?['\"\s]([\w.]+)['\"]?")


class LimrArgumentParser(lightning_cli.LightningArgumentParser):
    """Reports a mistake in one line instead of a page of usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong, with a suggestion for a misspelt key, and exit with status 2."""
        if not self.exit_on_error:
            super().error(message, ex)
        sys.stderr.write(f"error: {' '.join(message.split())}{self._suggestion(message)}\n")
        sys.stderr.write(f"help:  {self.prog.replace(' [options]', '')} --help\n")
        sys.exit(2)

    def _suggestion(self, message: str) -> str:
        found = _UNKNOWN_KEY.search(message)
        if not found:
            return ""
        leaf = found[1].rpartition(".")[2]
        known = {name for a in self._actions for name in (a.dest or "").split(".")}
        close = difflib.get_close_matches(leaf, known, n=1)
        return f" (did you mean {close[0]!r}?)" if close and close[0] != leaf else ""


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

    def parse_arguments(
        self, parser: lightning_cli.LightningArgumentParser, args: lightning_cli.ArgsType
    ) -> None:
        """Parse `args` alone, whatever `sys.argv` is."""
        assert isinstance(args, list)
        self.config = parser.parse_args(args)


def run(args: list[str]) -> int:
    """Parse `args` (verb first), run the verb, and turn our own errors into one line.

    Returns:
        0 when the verb finished, 1 when limr refused something (bad data, missing file). Mistakes
        in the configuration exit with status 2 from the parser. Any other exception passes with its
        traceback.
    """
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    try:
        LimrCLI(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            parser_class=LimrArgumentParser,
            save_config_callback=MlflowSaveConfig,
            save_config_kwargs={"save_to_log_dir": False},
            auto_configure_optimizers=False,
            args=args,
        )
    except (ValueError, OSError) as error:
        if not _raised_by_limr(error):
            raise
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _raised_by_limr(error: BaseException) -> bool:
    """Whether limr's own code raised it on purpose; what a library raised keeps its traceback."""
    *_, (innermost, _line) = traceback.walk_tb(error.__traceback__)
    return innermost.f_globals["__name__"].partition(".")[0] in ("limr", "evaluators")
