import os
import signal
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.demos.boring_classes import BoringModel
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.exceptions import SIGTERMException

from limr.models import Pretrained
from limr.training import PPOModule, RunCheckpoint, checkpoint
from limr.training.checkpoint_files import damage, kept
from limr.types import Sampling

# which rows of random numbers are trained on does not matter here
pytestmark = pytest.mark.filterwarnings(
    "ignore:You're resuming from a checkpoint that ended before"
)


def fit(folder, *callbacks: Callback, ckpt_path=None, module=None, **options) -> Trainer:
    trainer = Trainer(
        accelerator="cpu",
        limit_train_batches=4,
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[*callbacks],
        **{"max_epochs": 2, "limit_val_batches": 0, "num_sanity_val_steps": 0}
        | {"logger": False, **options},
    )
    trainer.fit(module or BoringModel(), ckpt_path=ckpt_path)
    return trainer


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_two_newest_are_kept_and_last_is_a_link_to_the_newest(tmp_path):
    fit(tmp_path, RunCheckpoint())
    kept = ["step-00000004.ckpt", "step-00000008.ckpt"]
    assert names(tmp_path / "checkpoints") == sorted(
        ["last.ckpt", *kept, *(f"{k}.json" for k in kept)]
    )
    assert (tmp_path / "checkpoints/last.ckpt").readlink() == Path("step-00000008.ckpt")


def steps_kept(folder):
    return [*kept(folder)]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, [0, 4, 8]),
        ({"every_n_steps": 3}, [0, 3, 4, 6, 8]),  # steps, and epoch ends
        ({"every_n_steps": 1}, [*range(9)]),
    ],
)
def test_a_run_saves_its_beginning_each_distance_and_each_epochs_end(tmp_path, options, steps):
    fit(tmp_path, RunCheckpoint(str(tmp_path / "kept"), keep=-1, **options))
    assert steps_kept(tmp_path / "kept") == steps


def test_a_new_run_among_an_earlier_ones_checkpoints_is_refused(tmp_path):
    fit(tmp_path, RunCheckpoint())
    before = names(tmp_path / "checkpoints")
    with pytest.raises(ValueError, match="holds the checkpoints of an earlier run; go on with it"):
        fit(tmp_path, RunCheckpoint())
    assert names(tmp_path / "checkpoints") == before


class Scores(BoringModel):
    """Logs what it is told, one number each validation."""

    def __init__(self, *scores):
        super().__init__()
        self.scores = iter(scores)

    def on_validation_epoch_end(self):
        self.log("score", next(self.scores))


@pytest.mark.parametrize(
    ("mode", "scores", "best"),
    [("max", (1.0, 3.0, 2.0, 3.0), 8), ("min", (3.0, 2.0, 1.0, 5.0), 12)],
)
def test_the_best_is_kept_beside_the_newest(tmp_path, mode, scores, best):
    callback = RunCheckpoint(keep=1, monitor="score", mode=mode)
    fit(tmp_path, callback, module=Scores(*scores), max_epochs=4, limit_val_batches=1)
    assert steps_kept(tmp_path / "checkpoints") == [best, 16]
    assert (tmp_path / "checkpoints/best.ckpt").readlink() == Path(f"step-{best:08d}.ckpt")


def test_a_resumed_run_knows_which_was_the_best(tmp_path):
    options = {"max_epochs": 2, "limit_val_batches": 1}
    fit(tmp_path, RunCheckpoint(keep=1, monitor="score"), module=Scores(8.0, 7.0), **options)
    options |= {"max_epochs": 4, "ckpt_path": "last"}
    fit(tmp_path, RunCheckpoint(keep=1, monitor="score"), module=Scores(2.0, 3.0), **options)
    assert (tmp_path / "checkpoints/best.ckpt").readlink() == Path("step-00000004.ckpt")


def test_the_best_of_an_abandoned_continuation_is_forgotten(tmp_path):
    options = {"max_epochs": 3, "limit_val_batches": 1}
    callback = RunCheckpoint(keep=-1, monitor="score")
    fit(tmp_path, callback, module=Scores(2.0, 1.0, 9.0), **options)
    options |= {"ckpt_path": str(tmp_path / "checkpoints/step-00000008.ckpt")}
    callback = RunCheckpoint(keep=-1, monitor="score")
    fit(tmp_path, callback, module=Scores(1.5), **options)
    assert steps_kept(tmp_path / "checkpoints") == [0, 4, 8, 12]
    assert (tmp_path / "checkpoints/best.ckpt").readlink() == Path("step-00000004.ckpt")


def test_going_on_from_an_older_checkpoint_drops_those_of_the_abandoned_continuation(tmp_path):
    fit(tmp_path, RunCheckpoint(every_n_steps=1, keep=-1))
    second = tmp_path / "checkpoints/step-00000002.ckpt"
    fit(tmp_path, RunCheckpoint(keep=-1), max_epochs=1, ckpt_path=str(second))
    assert steps_kept(tmp_path / "checkpoints") == [0, 1, 2, 4]
    assert (tmp_path / "checkpoints/last.ckpt").readlink() == Path("step-00000004.ckpt")


def test_last_is_the_checkpoint_that_a_run_went_on_from_until_it_saves(tmp_path):
    fit(tmp_path, RunCheckpoint(every_n_steps=1, keep=-1))
    second = tmp_path / "checkpoints/step-00000002.ckpt"
    with pytest.raises(ConnectionAbortedError):
        fit(tmp_path, RunCheckpoint(), Break(epoch=0), ckpt_path=str(second))
    assert (tmp_path / "checkpoints/last.ckpt").readlink() == Path("step-00000002.ckpt")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_lets_the_step_end_saves_and_ends_the_run(tmp_path, number, caplog):
    before = signal.getsignal(number)
    with caplog.at_level("INFO"), pytest.raises(SIGTERMException) as stopped:
        fit(tmp_path, RunCheckpoint(), Send(number, step=1))
    assert stopped.value.code == 128 + number
    assert steps_kept(tmp_path / "checkpoints") == [0, 2]
    assert f"stopped by {number.name} after step 2, which is saved" in caplog.text
    assert signal.getsignal(number) == before
    assert fit(tmp_path, RunCheckpoint(), ckpt_path="last").global_step == 8


@pytest.mark.parametrize("step", [3, 7])
def test_a_signal_in_an_epochs_last_step_waits_for_validation(tmp_path, step):
    module = Scores(0.5, 0.7)
    with pytest.raises(SIGTERMException):
        fit(
            tmp_path,
            RunCheckpoint(),
            Send(signal.SIGTERM, step),
            module=module,
            limit_val_batches=1,
        )
    assert len([*module.scores]) == (1 if step == 3 else 0)
    assert steps_kept(tmp_path / "checkpoints")[-1] == step + 1


class Send(Callback):
    """A signal to this process, in the midst of a step."""

    def __init__(self, number, step):
        self.number = number
        self.step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)


class Metrics(BoringModel):
    def training_step(self, batch, batch_idx):
        self.log("loss", float(self.trainer.global_step))
        return super().training_step(batch, batch_idx)


class DiesLogging(CSVLogger):
    """Breaks off when it is about to log a step's metrics."""

    def __init__(self, folder, at):
        super().__init__(folder, version=0)
        self.at = at

    def log_metrics(self, metrics, step=None):
        if step == self.at:
            raise ConnectionAbortedError
        super().log_metrics(metrics, step)


def test_a_steps_metrics_are_logged_though_the_run_was_killed_between_saving_and_logging(tmp_path):
    options = {"module": Metrics(), "log_every_n_steps": 1, "max_epochs": 1}
    logger = DiesLogging(tmp_path / "first", at=1)
    with pytest.raises(ConnectionAbortedError):
        fit(tmp_path, RunCheckpoint(every_n_steps=2), logger=logger, **options)
    assert steps_kept(tmp_path / "checkpoints") == [0, 2]
    logger = CSVLogger(tmp_path / "second", version=0)
    fit(tmp_path, RunCheckpoint(), logger=logger, ckpt_path="last", **options)
    rows = (tmp_path / "second/lightning_logs/version_0/metrics.csv").read_text().splitlines()
    found = [dict(zip(rows[0].split(","), row.split(","), strict=True)) for row in rows[1:]]
    assert [(r["step"], float(r["loss"]), r["epoch"]) for r in found] == [
        ("1", 1.0, "0"),
        ("2", 2.0, "0"),
        ("3", 3.0, "0"),
    ]


@pytest.mark.parametrize("crash_in", ["save", "publish", "point"])
def test_an_interrupted_save_leaves_the_checkpoint_before_it(tmp_path, monkeypatch, crash_in):
    owner, name = {
        "save": (torch, "save"),
        "publish": (Path, "rename"),
        "point": (checkpoint, "point"),
    }[crash_in]
    whole, calls = getattr(owner, name), iter(range(9))

    def cut_short(*args, **kwargs):
        if next(calls) == 2:
            raise ConnectionAbortedError
        return whole(*args, **kwargs)

    monkeypatch.setattr(owner, name, cut_short)
    with pytest.raises(ConnectionAbortedError):
        fit(tmp_path, RunCheckpoint(every_n_steps=1))
    monkeypatch.undo()
    assert (tmp_path / "checkpoints/last.ckpt").readlink() == Path("step-00000001.ckpt")
    assert damage(tmp_path / "checkpoints/last.ckpt") is None
    assert fit(tmp_path, RunCheckpoint(), ckpt_path="last").global_step == 8
    assert not [*(tmp_path / "checkpoints").glob("*.part")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0}, "keep must be at least 1"),
        ({"every_n_steps": 0}, "every_n_steps must be"),
        ({"dirpath": "s3://bucket/run"}, "dirpath must be a local folder, got s3"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RunCheckpoint(**options)


class Break(Callback):
    """Ends the process, as far as the run can tell, within an epoch."""

    def __init__(self, epoch=2):
        self.epoch = epoch

    def on_train_batch_end(self, trainer, *_):
        if trainer.current_epoch == self.epoch:
            raise ConnectionAbortedError


@pytest.mark.parametrize("validation", [{}, {"limit_val_batches": 1, "check_val_every_n_epoch": 2}])
def test_a_run_that_breaks_off_has_left_its_last_epoch(tmp_path, validation):
    with pytest.raises(ConnectionAbortedError):
        fit(tmp_path, RunCheckpoint(), Break(), max_epochs=4, **validation)
    checkpoint = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    assert (checkpoint["epoch"], checkpoint["global_step"]) == (1, 2 * 4)


def test_last_goes_on_from_the_runs_folder(tmp_path):
    fit(tmp_path, RunCheckpoint(), max_epochs=1)
    resumed = fit(tmp_path, RunCheckpoint(), max_epochs=3, ckpt_path="last")
    assert resumed.ckpt_path == str(tmp_path / "checkpoints/last.ckpt")
    assert resumed.global_step == 12


def test_ppo_lets_a_checkpoint_of_the_last_batch_lie_between_epochs(tmp_path, model_folder):
    """As Lightning's own callback and `trainer.save_checkpoint` save it."""
    fit(tmp_path, ModelCheckpoint(tmp_path, "a", every_n_train_steps=4), Break())
    checkpoint = torch.load(tmp_path / "a.ckpt", weights_only=True)
    progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
    assert (progress["started"], progress["processed"]) == (2, 1)
    module = PPOModule(Pretrained(name=model_folder), Sampling(samples_per_prompt=4))
    module.trainer = Trainer(accelerator="cpu", logger=False)
    module.trainer.state.fn = TrainerFn.FITTING
    checkpoint["state_dict"] = module.state_dict()
    module.on_load_checkpoint(checkpoint)
    assert set(progress.values()) == {2}
