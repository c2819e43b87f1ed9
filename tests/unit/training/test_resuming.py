import logging
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from limr.training import RunCheckpoint
from limr.training.checkpoint_files import Manifest, checkpoint_name, digest, publish, unfinished
from limr.training.resuming import check_origin, check_shapes, find_checkpoint, mlflow_run


@pytest.fixture
def trainer(tmp_path):
    return Trainer(
        accelerator="cpu", logger=False, default_root_dir=tmp_path, callbacks=[RunCheckpoint()]
    )


def save(folder, step, module="a.B"):
    folder.mkdir(exist_ok=True)
    target = folder / checkpoint_name(step)
    torch.save({"step": step}, unfinished(target))
    files = {".": digest(unfinished(target))}
    publish(target, Manifest(step=step, module=module, run_id="r", files=files))
    return target


def test_last_is_the_linked_checkpoint_under_its_own_name(tmp_path, trainer):
    saved = save(tmp_path / "checkpoints", 4)
    (tmp_path / "checkpoints/last.ckpt").symlink_to(saved.name)
    assert find_checkpoint("last", trainer, may_start=True) == str(saved)


def test_last_starts_a_run_where_there_is_none_and_says_so(trainer, caplog):
    with caplog.at_level(logging.INFO):
        assert find_checkpoint("last", trainer, may_start=True) is None
    assert "no checkpoint in" in caplog.text
    assert "a new run starts" in caplog.text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("last", r"last: there is no .*checkpoints/last\.ckpt"),
        ("best", r"best: there is no .*best\.ckpt \(RunCheckpoint needs a monitor"),
        ("hpc", r"hpc: there is no hpc_ckpt_\*\.ckpt in"),
        ("nowhere.ckpt", r"nowhere\.ckpt: there is no such file"),
    ],
)
def test_what_is_not_there_is_refused(trainer, asked, message):
    with pytest.raises(ValueError, match=f"ckpt_path: {message}"):
        find_checkpoint(asked, trainer, may_start=False)


def test_the_newest_slurm_checkpoint_is_taken(tmp_path, trainer):
    for number in (2, 10):
        torch.save({}, tmp_path / f"hpc_ckpt_{number}.ckpt")
    found = find_checkpoint("hpc", trainer, may_start=True)
    assert found == str(tmp_path / "hpc_ckpt_10.ckpt")


def test_a_damaged_one_is_refused_and_the_one_before_it_offered(tmp_path, trainer):
    first, second = (save(tmp_path / "checkpoints", step) for step in (4, 8))
    second.write_bytes(second.read_bytes()[:-1])
    (tmp_path / "checkpoints/last.ckpt").symlink_to(second.name)
    message = f"{second}: its content .* go on from the one before it: --ckpt_path {first}"
    with pytest.raises(ValueError, match=message):
        find_checkpoint("last", trainer, may_start=True)
    first.write_bytes(b"")
    with pytest.raises(ValueError, match="none is left"):
        find_checkpoint(str(second), trainer, may_start=True)


def test_a_folder_may_be_a_checkpoint(tmp_path, trainer):
    (tmp_path / "saved.ckpt").mkdir()
    path = str(tmp_path / "saved.ckpt")
    assert find_checkpoint(path, trainer, may_start=False) == path


def test_a_link_to_nothing_is_refused(tmp_path, trainer):
    first = save(tmp_path / "checkpoints", 4)
    (tmp_path / "checkpoints/last.ckpt").symlink_to(checkpoint_name(8))
    with pytest.raises(ValueError, match=f"there is no such file; .* --ckpt_path {first}"):
        find_checkpoint("last", trainer, may_start=True)


def test_another_classes_checkpoint_is_refused(tmp_path):
    module = BoringModel()
    check_origin(str(save(tmp_path, 1, f"{BoringModel.__module__}.BoringModel")), module)
    with pytest.raises(ValueError, match=r"was saved by a\.B, this run trains lightning.*Boring"):
        check_origin(str(save(tmp_path, 2)), module)


def test_weights_of_another_shape_or_name_are_refused_in_one_line():
    module = BoringModel()
    weights = module.state_dict()
    check_shapes({"state_dict": weights}, module)
    wider = {**weights, "layer.weight": torch.zeros(2, 33)}
    with pytest.raises(ValueError, match=r"weight is \(2, 33\) in it and \(2, 32\) here \(1 of 2"):
        check_shapes({"state_dict": wider}, module)
    with pytest.raises(ValueError, match="bias is absent in it"):
        check_shapes({"state_dict": {"layer.weight": weights["layer.weight"]}}, module)


def test_the_mlflow_run_is_read_without_loading(tmp_path):
    assert mlflow_run(str(save(tmp_path, 1))) == "r"
    torch.save({}, tmp_path / "other.ckpt")
    assert mlflow_run(str(Path(tmp_path / "other.ckpt"))) is None
