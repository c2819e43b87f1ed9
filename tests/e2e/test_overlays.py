"""Every method of experiments/overlay runs over the quickstart and teaches the policy something."""

import contextlib
import json
from pathlib import Path

import pytest
import torch

from limr.__main__ import main
from limr.models.loading import Pretrained, load_causal_lm
from limr.trajectories import read_trajectories

pytestmark = pytest.mark.e2e

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
OVERLAYS = sorted((EXPERIMENTS / "overlay").glob("*.yaml"))
PROMPTS, SAMPLES, STEPS = 8, 8, 2

SMALL = {
    "model": {
        "init_args": {
            "sampling": {"samples_per_prompt": SAMPLES},
            "ppo": {"minibatch_size": 64, "micro_batch_size": 64},
        }
    },
    "data": {"init_args": {"rollout_batch_size": PROMPTS, "benchmarks": None}},
    "trainer": {
        "max_epochs": 1,
        "limit_train_batches": STEPS,
        "limit_val_batches": 0,
        "num_sanity_val_steps": 0,
        "logger": False,
    },
}


@pytest.fixture(scope="module")
def before():
    return load_causal_lm(Pretrained(name="embedded:tiny-base")).state_dict()


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.stem)
def test_the_method_trains_without_a_critic(overlay, before, tmp_path, monkeypatch):
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # restored afterwards: the run sets it
    (tmp_path / "small.yaml").write_text(json.dumps(SMALL))
    configs = (EXPERIMENTS / "quickstart.yaml", overlay, tmp_path / "small.yaml")
    args = [arg for path in configs for arg in ("-c", str(path))]
    if overlay.stem == "dapo":
        args.append("--model.init_args.ppo.dynamic_sampling=2")  # not 32 of 8 prompts
    with contextlib.chdir(tmp_path):
        assert main(["fit", *args]) == 0

    rows = read_trajectories(tmp_path / "runs/quickstart/trajectories")
    assert len(rows) == STEPS * PROMPTS * SAMPLES
    checkpoint = torch.load(tmp_path / "runs/quickstart/checkpoints/last.ckpt", weights_only=True)
    after = checkpoint["state_dict"]
    assert not any(name.startswith("critic") for name in after)
    weights = {name: after[f"policy.model.{name}"] for name in before}
    assert all(weight.isfinite().all() for weight in weights.values())
    assert any(not torch.equal(weight, before[name]) for name, weight in weights.items())
