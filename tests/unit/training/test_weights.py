"""Damaged, foreign and dangerous checkpoints are refused in words."""

import os
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp

from limr.training.weights import policy_weights

WEIGHTS = {"policy.model.a": torch.arange(6.0).view(2, 3), "critic.b": torch.ones(4)}


class RunsCode:
    def __reduce__(self):
        return os.mkdir, ("was-run",)


def save_shares(folder, state=WEIGHTS):
    dcp.save({"state_dict": state, "optimizer_0": {"m": torch.ones(3)}}, checkpoint_id=folder)
    torch.save({"pretrained": {"name": "base", "revision": "v1"}}, folder / "meta.pt")


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("form", ["file", "folder"])
def test_the_policy_alone_is_read(form, tmp_path):
    path = tmp_path / "x.ckpt"
    if form == "file":
        origin = {"name": "base", "revision": "v1", "attn_implementation": "flash_attention_2"}
        torch.save({"state_dict": WEIGHTS, "pretrained": origin}, path)
    else:
        save_shares(path)
    weights, origin = policy_weights(str(path))
    assert list(weights) == ["a"]
    assert torch.equal(weights["a"], torch.arange(6.0).view(2, 3))
    assert (origin.name, origin.revision, origin.attn_implementation) == ("base", "v1", "sdpa")


def test_a_file_that_would_run_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": WEIGHTS, "callbacks": RunsCode()}, "x.ckpt")
    with pytest.raises(ValueError, match=r"x\.ckpt is damaged, or holds more than tensors"):
        policy_weights("x.ckpt")
    assert not Path("was-run").exists()


def test_what_is_no_checkpoint_is_refused_by_what_it_is(tmp_path):
    (tmp_path / "text.ckpt").write_text("hello")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    torch.save({"state_dict": {"critic.b": torch.ones(1)}}, tmp_path / "other.ckpt")
    for name, reason in {
        "absent.ckpt": "no such file",
        "text.ckpt": "is no checkpoint, or a damaged one",
        "model": "is a Hugging Face folder already",
        "empty": "is no checkpoint, or a damaged one",
        "other.ckpt": r"holds no policy \(no weight named policy\.model\.\*\)",
    }.items():
        with pytest.raises(ValueError, match=f"{name}.*{reason}|{reason}.*{name}"):
            policy_weights(str(tmp_path / name))


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("loss", ["__0_0.distcp", "meta.pt", ".metadata"])
def test_a_folder_with_a_damaged_part_is_refused(loss, tmp_path):
    path = tmp_path / "x.ckpt"
    save_shares(path)
    (path / loss).write_bytes((path / loss).read_bytes()[:40])
    with pytest.raises(ValueError, match=r"x\.ckpt is damaged"):
        policy_weights(str(path))


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": WEIGHTS}, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="or a damaged one"):
        policy_weights(str(path))


def test_without_deepspeed_its_install_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("limr.training.weights.find_spec", lambda name: None)
    (tmp_path / "x.ckpt/checkpoint").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"x\.ckpt was saved by DeepSpeed.*pip install"):
        policy_weights(str(tmp_path / "x.ckpt"))
