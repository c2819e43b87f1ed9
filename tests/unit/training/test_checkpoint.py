import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.demos.boring_classes import BoringModel
from lightning.pytorch.trainer.states import TrainerFn

from limr.models import Pretrained
from limr.training import PPOModule, RunCheckpoint
from limr.types import Sampling


def fit(folder, *callbacks: Callback, ckpt_path=None, **options) -> Trainer:
    trainer = Trainer(
        accelerator="cpu",
        limit_train_batches=4,
        logger=False,
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[*callbacks],
        **{"max_epochs": 2, "limit_val_batches": 0, "num_sanity_val_steps": 0, **options},
    )
    trainer.fit(BoringModel(), ckpt_path=ckpt_path)
    return trainer


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_the_last_checkpoint_is_kept_in_the_runs_folder(tmp_path):
    fit(tmp_path, RunCheckpoint())
    assert names(tmp_path / "checkpoints") == ["last.ckpt"]


def test_a_second_run_replaces_it_under_the_same_name(tmp_path):
    fit(tmp_path, RunCheckpoint())
    first = (tmp_path / "checkpoints/last.ckpt").read_bytes()
    fit(tmp_path, RunCheckpoint())
    assert names(tmp_path / "checkpoints") == ["last.ckpt"]
    assert (tmp_path / "checkpoints/last.ckpt").read_bytes() != first


def test_all_checkpoints_at_a_distance_in_another_folder(tmp_path):
    callback = RunCheckpoint(str(tmp_path / "kept"), save_top_k=-1, every_n_train_steps=3)
    fit(tmp_path, callback)
    assert names(tmp_path / "kept") == ["epoch=0-step=3.ckpt", "epoch=1-step=6.ckpt", "last.ckpt"]


class Break(Callback):
    """Ends the process, as far as the run can tell, within the third epoch."""

    def on_train_batch_end(self, trainer, *_):
        if trainer.current_epoch == 2:
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


@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization")
def test_ppo_lets_a_checkpoint_of_the_last_batch_lie_between_epochs(tmp_path, model_folder):
    fit(tmp_path, RunCheckpoint(every_n_train_steps=4), Break())
    checkpoint = torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)
    progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]
    assert (progress["started"], progress["processed"]) == (2, 1)
    module = PPOModule(Pretrained(name=model_folder), Sampling(samples_per_prompt=4))
    module.trainer = Trainer(accelerator="cpu", logger=False)
    module.trainer.state.fn = TrainerFn.FITTING
    module.on_load_checkpoint(checkpoint)
    assert set(progress.values()) == {2}
