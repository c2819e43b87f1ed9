"""When a run saves and what it keeps."""

import math
from pathlib import Path
from signal import Signals
from typing import Any, Literal

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_info
from lightning.pytorch.utilities.exceptions import SIGTERMException

from limr.files import naming_full_disk
from limr.training.checkpoint_files import (
    Manifest,
    checkpoint_name,
    contents,
    digest,
    kept,
    point,
    publish,
    remove,
    remove_leftovers,
    unfinished,
)
from limr.training.stop_signals import StopSignals
from limr.training.trainer_facts import mlflow_loggers, steps_done


class RunCheckpoint(ModelCheckpoint):
    """Saves between two training steps, so that a killed run goes on as if nothing had been.

    A run saves before its first step, at each epoch's end, every `every_n_steps` and, on SIGTERM or
    SIGUSR1, after the step at hand; then it ends, in MLflow as ``KILLED``. Where validation follows
    a step, the checkpoint comes after it. `last.ckpt` is a link to the newest checkpoint and
    `best.ckpt` to the one with the best `monitor`. Of Lightning's callback only the place where the
    trainer looks for ``--ckpt_path last`` is used.
    """

    def __init__(
        self,
        dirpath: str | None = None,
        every_n_steps: int | None = None,
        keep: int = 2,
        monitor: str | None = None,
        mode: Literal["min", "max"] = "max",
    ) -> None:
        """Declare what is kept.

        Args:
            dirpath: A local folder; None is `checkpoints` in the trainer's `default_root_dir`.
            every_n_steps: Distance in training steps (rollout batches); None saves at each epoch's
                end alone.
            keep: Newest checkpoints that are kept, besides the best one; -1 keeps all.
            monitor: A validation metric, `val/validation/accuracy` for one; its best is kept, too.
            mode: Whether `monitor` is better when higher (`max`) or lower (`min`).

        Raises:
            ValueError: If `every_n_steps` or `keep` is not a number of that kind, or `dirpath` an
                address on a network, where a rename is none.
        """
        if dirpath and "://" in dirpath:
            raise ValueError(f"RunCheckpoint: dirpath must be a local folder, got {dirpath}")
        if keep < 1 and keep != -1:
            raise ValueError(f"RunCheckpoint: keep must be at least 1, or -1 for all, got {keep}")
        if every_n_steps is not None and every_n_steps < 1:
            raise ValueError(f"RunCheckpoint: every_n_steps must be at least 1: {every_n_steps}")
        super().__init__(
            dirpath=dirpath, monitor=monitor, mode=mode, save_top_k=0, enable_version_counter=False
        )
        self.every_n_steps = every_n_steps
        self.keep = keep
        self._signals = StopSignals()
        self._best: dict[str, Any] = {}
        self._unlogged: dict[str, Any] = {}
        self._due = False
        self._saved_at = -1

    @property
    def state_key(self) -> str:
        """One per run, whatever its options: they may change when it goes on."""
        return type(self).__qualname__

    def state_dict(self) -> dict[str, Any]:
        """The best checkpoint so far and the step's metrics, which no logger has got yet."""
        return {"best": self._best, "unlogged": self._unlogged}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what the checkpoint knew."""
        self._best, self._unlogged = state_dict["best"], state_dict["unlogged"]

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let `last.ckpt` be where the run goes on, before rows of later steps are dropped."""
        if trainer.is_global_zero and (resumed := self._own_checkpoint(trainer)):
            point(resumed.parent / "last.ckpt", resumed)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the folder, and write into it directly."""
        folder = self.folder(trainer)
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = DirectCheckpointIO()
        if stage == "fit" and trainer.is_global_zero and folder.exists():
            remove_leftovers(folder)
        super().setup(trainer, pl_module, stage)

    def folder(self, trainer: Trainer) -> Path:
        """Where the checkpoints are."""
        if self.dirpath is None:
            self.dirpath = str(Path(trainer.default_root_dir) / "checkpoints")
        return Path(self.dirpath)

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse another run's folder before anything is measured.

        Raises:
            ValueError: If a new run would write among the checkpoints of an earlier one.
        """
        found = kept(self.folder(trainer)) if trainer.is_global_zero else {}
        if trainer.strategy.broadcast(bool(found)) and trainer.ckpt_path is None:
            raise ValueError(
                f"{self.folder(trainer)} holds the checkpoints of an earlier run; go on with it by "
                "--ckpt_path last, move that folder away, or set another trainer.default_root_dir"
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the beginning, or take up where the checkpoint lies.

        Raises:
            ValueError: If a new run would write among the checkpoints of an earlier one.
        """
        self.on_sanity_check_start(trainer, pl_module)
        self._signals.listen()
        if trainer.ckpt_path is None:
            self._best, self._unlogged = {}, {}
            self._save(trainer)
            return
        if trainer.is_global_zero and (resumed := self._own_checkpoint(trainer)):
            self._forget_after(resumed)
        if self._unlogged:
            for logger in trainer.loggers:
                logger.log_metrics(self._unlogged["metrics"], self._unlogged["step"])
            self._unlogged = {}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when it is time, unless validation or the epoch's end follows: then after it."""
        every, loop = self.every_n_steps, trainer.fit_loop.epoch_loop
        stop = self._signal_to_any_rank(trainer)
        self._due = bool(stop) or (every is not None and steps_done(trainer) % every == 0)
        fetcher = trainer.fit_loop._data_fetcher
        assert fetcher is not None
        if not self._due or loop._is_training_done or loop._should_check_val_fx(fetcher):
            return
        self._unlogged = _unlogged_metrics(trainer)
        self._save(trainer)
        self._unlogged = {}
        self._stop_if_asked(trainer, stop)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what the step before validation had to leave to this one."""
        loop = trainer.fit_loop.epoch_loop
        if trainer.state.fn != "fit" or trainer.sanity_checking or loop._is_training_done:
            return
        stop = self._signal_to_any_rank(trainer)
        if stop or self._due:
            self._save(trainer, measured=True)
            self._stop_if_asked(trainer, stop)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save each epoch's end."""
        self._save(trainer, measured=True)
        stop = self._signal_to_any_rank(trainer)
        self._stop_if_asked(trainer, stop)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The last epoch's end is saved."""

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give signals back."""
        self._signals.leave()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Give signals back."""
        self._signals.leave()

    def _find_last_checkpoints(self, trainer: Trainer) -> set[str]:
        """What the trainer's own ``ckpt_path="last"`` chooses from; asked before `setup`."""
        last = self.folder(trainer) / "last.ckpt"
        return {str(last)} if last.exists() else set()

    def _save(self, trainer: Trainer, *, measured: bool = False) -> None:
        step, folder = steps_done(trainer), self.folder(trainer)
        if step == self._saved_at or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        best = measured and self._is_best(trainer)
        target = folder / checkpoint_name(step)
        with naming_full_disk(target):
            trainer.save_checkpoint(unfinished(target), weights_only=False)
        files = _digests(unfinished(target), trainer)
        if trainer.is_global_zero:
            publish(
                target,
                Manifest(
                    step=step,
                    module=class_path(trainer.lightning_module),
                    run_id=next((log.run_id for log in mlflow_loggers(trainer)), None),
                    files=files,
                ),
            )
            point(folder / "last.ckpt", target)
            if best:
                point(folder / "best.ckpt", target)
            self._prune(folder)
        trainer.strategy.barrier("checkpoint")
        self._saved_at, self._due = step, False
        self.last_model_path = str(folder / "last.ckpt")

    def _is_best(self, trainer: Trainer) -> bool:
        if self.monitor is None or self.monitor not in trainer.callback_metrics:
            return False
        score = trainer.strategy.broadcast(float(trainer.callback_metrics[self.monitor]))
        sign = 1 if self.mode == "max" else -1
        if math.isnan(score) or (self._best and sign * score <= sign * self._best["score"]):
            return False
        self._best = {"score": score, "step": steps_done(trainer)}
        self.best_model_path = str(self.folder(trainer) / "best.ckpt")
        return True

    def _own_checkpoint(self, trainer: Trainer) -> Path | None:
        """The checkpoint that a fit goes on from, if it is one of this folder's."""
        if trainer.state.fn != "fit" or trainer.ckpt_path is None:
            return None
        resumed = Path(trainer.ckpt_path).resolve()
        return resumed if resumed in kept(self.folder(trainer).resolve()).values() else None

    def _forget_after(self, resumed: Path) -> None:
        """Delete what came after a checkpoint: those steps' rows are dropped, they come anew."""
        found = kept(resumed.parent)
        step = next(step for step, path in found.items() if path == resumed)
        for later in (path for s, path in found.items() if s > step):
            remove(later)
        best = resumed.parent / "best.ckpt"
        if (target := found.get(self._best.get("step", -1))) is not None:
            point(best, target)
        elif best.is_symlink() and not best.exists():
            best.unlink()

    def _prune(self, folder: Path) -> None:
        """Delete all but the newest and the best."""
        found = kept(folder)
        newest = [*found] if self.keep == -1 else [*found][-self.keep :]
        for step in found.keys() - {*newest, self._best.get("step")}:
            remove(found[step])

    def _signal_to_any_rank(self, trainer: Trainer) -> int:
        """The signal's number, the same on every rank; 0 where there was none."""
        number = torch.tensor(int(self._signals.received or 0), device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(number, reduce_op="max"))

    def _stop_if_asked(self, trainer: Trainer, number: int) -> None:
        if not number:
            return
        rank_zero_info(
            f"stopped by {Signals(number).name} after step {steps_done(trainer)}, which is saved; "
            f"the same command with --ckpt_path last goes on ({self.last_model_path})"
        )
        self._signals.pass_on(number)
        raise SIGTERMException(128 + number)


class DirectCheckpointIO(TorchCheckpointIO):
    """Writes where it is told, not through memory and `$TMPDIR`; loads tensors and plain values."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a local file."""
        if "://" in str(path) or storage_options is not None:
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, path)

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load without running any code that a checkpoint may contain."""
        return super().load_checkpoint(path, *args, **{**kwargs, "weights_only": True})


def class_path(module: LightningModule) -> str:
    """Where a module's class is defined."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _unlogged_metrics(trainer: Trainer) -> dict[str, Any]:
    """The step's metrics: Lightning hands them to the loggers after this step's last callback."""
    connector = trainer._logger_connector
    if not (trainer.loggers and connector.should_update_logs):
        return {}
    metrics = {name: float(value) for name, value in connector.metrics["log"].items()}
    step = int(metrics.pop("step", trainer.fit_loop.epoch_loop._batches_that_stepped))
    return {"metrics": {"epoch": trainer.current_epoch, **metrics}, "step": step} if metrics else {}


def _digests(checkpoint: Path, trainer: Trainer) -> dict[str, str]:
    """SHA-256 of each file, shared out over the ranks where there are several."""
    names = contents(checkpoint) if checkpoint.is_dir() else ["."] * trainer.is_global_zero
    ranks = trainer.world_size if checkpoint.is_dir() else 1
    rank = trainer.global_rank if ranks > 1 else 0
    found = {name: digest(checkpoint / name) for name in names[rank::ranks]}
    if trainer.world_size == 1:
        return found
    parts: list[dict[str, str]] = [{} for _ in range(trainer.world_size)]
    torch.distributed.all_gather_object(parts, found)
    return {name: value for part in parts for name, value in part.items()}
