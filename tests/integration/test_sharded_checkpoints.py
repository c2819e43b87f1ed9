"""A run whose weights are cut over two ranks goes on from its checkpoint, and is measured by it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from limr.training import FSDP2

pytestmark = pytest.mark.integration

QUICKSTART = Path(__file__).parents[2] / "experiments" / "quickstart.yaml"

BENCHMARK = {
    "problems": {
        "class_path": "limr.data.GeneratedProblems",
        "init_args": {"split": "validation", "size": 16, "seed": 1},
    },
    "sampling": {"temperature": 0.0, "max_response_tokens": 8},
}


def limr(verb, folder, data, callbacks, *flags):
    settings = {
        "data": {"init_args": data},
        "trainer": {
            "devices": 2,
            "strategy": {"class_path": "limr.training.FSDP2"},
            "default_root_dir": str(folder),
            "logger": False,
            "callbacks": callbacks,
        },
    }
    overlay = folder / f"{verb}.yaml"
    overlay.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "limr", verb]
    command += ["--config", QUICKSTART, "--config", overlay, *flags]
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def fit(folder, epochs, *flags):
    """Two rollouts to an epoch; what was trained, as bytes."""
    folder.mkdir(exist_ok=True)
    data = {"problems": {"init_args": {"size": 64}}, "benchmarks": None}
    callbacks = [
        {"class_path": "limr.training.HuggingFaceExport"},
        {"class_path": "limr.training.RunCheckpoint"},
    ]
    short = ["--trainer.max_epochs", epochs, "--trainer.num_sanity_val_steps", 0]
    constant = ["--model.init_args.ppo.lr_schedule", "constant"]  # whatever the number of epochs
    limr("fit", folder, data, callbacks, *short, *constant, *flags)
    return (folder / "model" / "model.safetensors").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("shares", ["true", "false"])
def test_a_sharded_run_goes_on_as_if_it_had_not_stopped(tmp_path, shares):
    saved = ["--trainer.strategy.save_distributed_checkpoint", shares]
    whole = fit(tmp_path / "whole", 2, *saved)
    first = fit(tmp_path / "parts", 1, *saved)
    assert first != whole
    last = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    assert last.is_dir() == (shares == "true")
    assert fit(tmp_path / "parts", 2, *saved, "--ckpt_path", "last") == whole


@pytest.mark.slow
def test_a_sharded_checkpoint_is_measured(tmp_path):
    fit(tmp_path, 1)
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"
    callbacks = [{"class_path": "evaluators.Evaluation"}]
    benchmarks = {"benchmarks": {"validation": BENCHMARK}}
    output = limr("validate", tmp_path, benchmarks, callbacks, "--ckpt_path", checkpoint)
    assert "validation" in output


def test_saving_before_the_first_step_leaves_the_optimizer_as_new():
    strategy, layer = FSDP2(), torch.nn.Linear(2, 1)
    strategy._model = layer
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.0)
    strategy.optimizer_state(optimizer)
    assert [float(state["step"]) for state in optimizer.state.values()] == [0.0, 0.0]
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.testing.assert_close(before - layer.weight, torch.full((1, 2), 0.1))  # Adam's first step
