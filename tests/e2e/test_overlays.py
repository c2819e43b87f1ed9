"""Every file of experiments/overlay runs over the quickstart, and methods teach the policy."""

import contextlib
import json
from pathlib import Path

import pytest
import torch
import yaml

from limr.__main__ import main
from limr.models.loading import Pretrained, load_causal_lm
from limr.trajectories import read_trajectories

pytestmark = pytest.mark.e2e

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
ORIGINAL_REWARD = EXPERIMENTS / "overlay" / "original_reward.yaml"
RESAMPLING = EXPERIMENTS / "overlay" / "resampling.yaml"  # run by test_resampled_run.py
METHODS = sorted({*(EXPERIMENTS / "overlay").glob("*.yaml")} - {ORIGINAL_REWARD, RESAMPLING})
PROMPTS, SAMPLES, STEPS = 8, 8, 2
STATUS_SCORES = {"correct": 1.0, "wrong": -0.5, "malformed": -1.0}

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


@pytest.fixture
def fit(tmp_path, monkeypatch):
    """Runs a small quickstart under an overlay; returns its trajectories."""

    def run(overlay, *args):
        (tmp_path / "small.yaml").write_text(json.dumps(SMALL))
        configs = (EXPERIMENTS / "quickstart.yaml", overlay, tmp_path / "small.yaml")
        files = [arg for path in configs for arg in ("-c", str(path))]
        with contextlib.chdir(tmp_path):
            assert main(["fit", *files, *args]) == 0
        return read_trajectories(tmp_path / "runs/quickstart/trajectories")

    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # restored afterwards: the run sets it
    return run


@pytest.mark.parametrize("overlay", METHODS, ids=lambda path: path.stem)
def test_the_method_trains_without_a_critic(overlay, before, fit, tmp_path):
    # dapo fills a batch of 32 prompts, here there are 8
    args = ["--model.init_args.ppo.dynamic_sampling=2"] if overlay.stem == "dapo" else []
    assert len(fit(overlay, *args)) == STEPS * PROMPTS * SAMPLES
    checkpoint = torch.load(tmp_path / "runs/quickstart/checkpoints/last.ckpt", weights_only=True)
    after = checkpoint["state_dict"]
    assert not any(name.startswith("critic") for name in after)
    weights = {name: after[f"policy.model.{name}"] for name in before}
    assert all(weight.isfinite().all() for weight in weights.values())
    assert any(not torch.equal(weight, before[name]) for name, weight in weights.items())


def test_the_original_reward_grades_a_run(fit, tmp_path):
    pytest.importorskip("math_verify", reason="needs limr[peers]")
    rows = fit(ORIGINAL_REWARD).to_pylist()
    assert len(rows) == STEPS * PROMPTS * SAMPLES
    assert {"correct", "wrong"} <= {row["status"] for row in rows} <= {*STATUS_SCORES}
    assert all(row["score"] == STATUS_SCORES[row["status"]] for row in rows)
    ran = yaml.safe_load((tmp_path / "runs/quickstart/config.yaml").read_text())
    assert ran["model"]["init_args"]["reward"]["class_path"] == "limr.verifier.OriginalReward"
