"""What a person wants to see while a run goes on: one line per step, or one that updates itself."""

import math
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm

from limr.training.trainer_facts import steps_done


class Column(NamedTuple):
    """One number of the progress line."""

    title: str
    metric: str
    """Name under which the module logs it."""
    spec: str
    """Format specification; its width is the column's."""


PPO_COLUMNS = (
    Column("reward", "reward/score_mean", "7.3f"),
    Column("correct", "reward/correct", "7.1%"),
    Column("length", "response/length", "7.1f"),
    Column("kl", "policy/kl", "8.4f"),
    Column("tokens/s", "time/tokens_per_s", "8.0f"),
)
SUPERVISED_COLUMNS = (Column("loss", "supervised/loss", "8.4f"),)

_STEP, _EPOCH, _LEFT = 11, 7, 8
"""Widths of the columns that every run has; with PPO's they fit 80 characters."""


class PPOProgress(ProgressBar):
    """Step, epoch, reward, accuracy, length, KL, speed, time left; in supervised runs the loss.

    Takes the place of Lightning's progress bar. On a terminal one line updates itself; elsewhere
    (log file, CI) plain aligned lines are written, without control characters.

    Args:
        every_n_steps: Distance of the plain lines in training steps; the first and the last step
            always get one. A terminal is updated at each step.

    Raises:
        ValueError: If `every_n_steps` is below 1.
    """

    def __init__(self, every_n_steps: int = 1) -> None:
        super().__init__()
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be >= 1, got {every_n_steps}")
        self.every_n_steps = every_n_steps
        self.is_enabled = True
        self._bar: tqdm[Any] | None = None
        self._columns: tuple[Column, ...] = ()
        self._unprinted = ""
        self._step_line = ""
        self._started = 0.0
        self._first_step = 0
        self._validated = 0

    def enable(self) -> None:
        """Show progress."""
        self.is_enabled = True

    def disable(self) -> None:
        """Show nothing; Lightning calls this on all ranks but the first."""
        self.is_enabled = False

    def print(self, *args: Any, sep: str = " ", end: str = "\n") -> None:
        """Print without breaking the updating line."""
        tqdm.write(sep.join(str(arg) for arg in args), file=sys.stdout, end=end)
        sys.stdout.flush()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._columns = ()
        self._first_step = steps_done(trainer)
        self._started = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show the step that just ended."""
        if not self.is_enabled:
            return
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._show_header(PPO_COLUMNS if "reward/score_mean" in metrics else SUPERVISED_COLUMNS)
        step = steps_done(trainer)
        line = self._line(trainer, step, metrics)
        if sys.stdout.isatty():
            self._step_line = line
            self._update(line)
        elif step % self.every_n_steps == 0 or step == self._first_step + 1:
            self._unprinted = ""
            self.print(line)
        else:
            self._unprinted = line

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the last step's line behind."""
        if self._unprinted:
            self.print(self._unprinted)
            self._unprinted = ""
        self._close()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Announce a validation, which may take long."""
        self._validated = 0
        if self.is_enabled and not sys.stdout.isatty():
            self.print(f"validating, {_validation_batches(trainer)} batches")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count validation batches, on a terminal only."""
        self._validated += 1
        if self.is_enabled and sys.stdout.isatty():
            self._update(f"validating {self._validated}/{_validation_batches(trainer)}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the updating line back to training, or end it."""
        if trainer.state.fn != "fit":
            self._close()
        elif self._bar is not None:
            self._update(self._step_line)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give the terminal back."""
        self._close()

    def _show_header(self, columns: tuple[Column, ...]) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        titles = [c.title.rjust(int(c.spec.split(".")[0])) for c in columns]
        self.print(
            "  ".join(["step".rjust(_STEP), "epoch".rjust(_EPOCH), *titles, "left".rjust(_LEFT)])
        )

    def _line(self, trainer: Trainer, step: int, metrics: Mapping[str, float]) -> str:
        total = total_steps(
            step=step,
            optimizer_steps=trainer.global_step,
            by_epochs=_steps_of_all_epochs(trainer),
            max_steps=trainer.max_steps,
        )
        seconds = (time.monotonic() - self._started) / (step - self._first_step)
        epochs = "" if trainer.max_epochs in (None, -1) else f"/{trainer.max_epochs}"
        return "  ".join(
            [
                (str(step) if total is None else f"{step}/{total}").rjust(_STEP),
                f"{trainer.current_epoch + 1}{epochs}".rjust(_EPOCH),
                *(format_cell(metrics.get(c.metric), c.spec) for c in self._columns),
                ("-" if total is None else format_seconds(seconds * (total - step))).rjust(_LEFT),
            ]
        )

    def _update(self, line: str) -> None:
        if self._bar is None:
            self._bar = tqdm(file=sys.stdout, bar_format="{desc}")
        self._bar.set_description_str(line[: shutil.get_terminal_size().columns - 1])

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _steps_of_all_epochs(trainer: Trainer) -> int | None:
    plan = getattr(getattr(trainer, "datamodule", None), "planned_rollouts", None)
    if plan is not None:  # knows of epochs that are not as long as this one
        return cast(int | None, plan())
    batches = trainer.num_training_batches
    if trainer.max_epochs in (None, -1) or math.isinf(batches):
        return None
    return int(trainer.max_epochs * batches)


def _validation_batches(trainer: Trainer) -> int | float:
    loops = trainer.num_sanity_val_batches if trainer.sanity_checking else trainer.num_val_batches
    return sum(loops)


def total_steps(
    *,
    step: int,
    optimizer_steps: int,
    by_epochs: int | None,
    max_steps: int,
) -> int | None:
    """Training steps (batches) that a run will take, None when nothing bounds it.

    Lightning's ``max_steps`` counts optimizer steps, of which a PPO step takes several and not
    always the same number; they are converted at the rate seen so far.

    Args:
        step: Batches done, at least 1.
        optimizer_steps: Optimizer steps done.
        by_epochs: Batches of all epochs, None where that is unknown or has no limit.
        max_steps: -1 for no limit.

    Example:
        >>> total_steps(step=10, optimizer_steps=80, by_epochs=200, max_steps=-1)
        200
        >>> total_steps(step=10, optimizer_steps=80, by_epochs=200, max_steps=1000)
        125
    """
    bounds = [] if by_epochs is None else [by_epochs]
    if max_steps != -1 and optimizer_steps > 0:
        bounds.append(math.ceil(max_steps * step / optimizer_steps))
    return max(step, min(bounds)) if bounds else None


def format_cell(value: float | None, spec: str) -> str:
    """A number in its column; a dash where the module logged none.

    Example:
        >>> format_cell(0.125, "7.3f"), format_cell(None, "7.3f")
        ('  0.125', '      -')
    """
    return "-".rjust(int(spec.split(".")[0])) if value is None else format(value, spec)


def format_seconds(seconds: float) -> str:
    """Hours, minutes and seconds.

    Example:
        >>> format_seconds(59.6), format_seconds(3 * 3600 + 62)
        ('1:00', '3:01:02')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
