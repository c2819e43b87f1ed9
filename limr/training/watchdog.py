"""A run that no longer moves ends with a message, instead of holding its machines in silence."""

import faulthandler
import os
import threading
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

EXIT_STATUS = 70
"""Of a process that its watchdog ended."""


class Watchdog(Callback):
    """Ends this rank's process when nothing has begun or ended for too long.

    What every thread is doing is then written to stderr and to `hung-rank-00000.txt` (the rank's
    number) in `default_root_dir`. The launcher ends the other ranks, or their watchdogs do. A hang
    inside native code that holds the interpreter's lock goes unnoticed.

    Args:
        timeout_minutes: Longer than the longest step, validation batch or loading of weights.

    Raises:
        ValueError: If it is not positive.
    """

    def __init__(self, timeout_minutes: float = 60.0) -> None:
        if timeout_minutes <= 0:
            raise ValueError(f"timeout_minutes must be > 0, got {timeout_minutes}")
        self.timeout_s = 60 * timeout_minutes
        self._idle_s = 0.0
        self._where = ""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start watching, loading of weights included."""
        self._feed("setting up")
        self._stopped.clear()
        arguments = (Path(trainer.default_root_dir), trainer.global_rank)
        self._thread = threading.Thread(target=self._watch, args=arguments, daemon=True)
        self._thread.start()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """A step begins."""
        self._feed(f"in training step {trainer.fit_loop.epoch_loop.total_batch_idx}")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """A step is over."""
        self._feed(f"after training step {trainer.fit_loop.epoch_loop.total_batch_idx}")

    def on_validation_batch_start(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A batch of a benchmark begins."""
        self._feed(f"in validation batch {batch_idx} of benchmark {dataloader_idx}")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A batch of a benchmark is over."""
        self._feed(f"after validation batch {batch_idx} of benchmark {dataloader_idx}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Training is over; exports and uploads may follow."""
        self._feed("after training")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Stop watching."""
        self._stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Stop watching; Lightning then leaves out `teardown`."""
        self._stop()

    def _stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _feed(self, where: str) -> None:
        self._where, self._idle_s = where, 0.0

    def _watch(self, folder: Path, rank: int) -> None:
        """Count waking moments, not the clock: a process that was paused has not hung."""
        tick = min(self.timeout_s / 10, 10.0)
        while not self._stopped.wait(tick):
            self._idle_s += tick
            if self._idle_s >= self.timeout_s:
                end_process(f"rank {rank} hung {self._where}", self.timeout_s, folder, rank)


def end_process(what: str, timeout_s: float, folder: Path, rank: int) -> None:
    """Write all stacks to a file and stderr, say why, and leave without any clean-up."""
    path = folder / f"hung-rank-{rank:05d}.txt"
    message = f"{what}: nothing began or ended for {timeout_s:g} s"
    faulthandler.dump_traceback(2)  # whatever sys.stderr is
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(message + "\n")
            file.flush()
            faulthandler.dump_traceback(file)
    except OSError as error:
        message += f" ({path} could not be written: {error.strerror})"
    os.write(2, f"error: {message}; stacks in {path}\n".encode())
    os._exit(EXIT_STATUS)
