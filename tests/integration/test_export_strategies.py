"""What two processes trained is exported from each strategy's checkpoint, logit for logit."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from limr.__main__ import main
from limr.models.tiny import TinyArchitecture, build_model, build_tokenizer

pytestmark = [pytest.mark.integration, pytest.mark.slow]

IDS = torch.tensor([[5, 3, 8, 1], [2, 2, 7, 4]])  # as in export_run.py
DEEPSPEED = pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs deepspeed")
FORMS = {"ddp": ["first.ckpt"], "fsdp2": ["first.ckpt", "shares.ckpt"]}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny model, embeddings tied, with a generation configuration of its own."""
    folder = tmp_path_factory.mktemp("base")
    tokenizer = build_tokenizer(["1+2=3"], 270)
    size = TinyArchitecture(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    )
    model = build_model(size, tokenizer, seed=0)
    model.generation_config.update(do_sample=True, top_k=7)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(
    scope="module",
    params=[
        "ddp",
        "fsdp2",
        pytest.param("zero2", marks=DEEPSPEED),
        pytest.param("zero3", marks=DEEPSPEED),
    ],
)
def trained(request, base, tmp_path_factory):
    """A strategy's name and the folder that its run has left."""
    folder = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("export_run.py")),
            request.param,
            base,
            folder,
        ],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "DS_ACCELERATOR": "cpu",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return request.param, folder


def logits_of(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    assert model.generation_config.top_k == 7
    assert model.lm_head.weight is model.model.embed_tokens.weight
    with torch.no_grad():
        return model(IDS, use_cache=False).logits


def test_the_exported_folder_computes_what_was_trained(trained, base, tmp_path):
    strategy, folder = trained
    expected = torch.load(folder / "logits.pt", weights_only=True)
    assert (logits_of(base) - expected).abs().max() > 0.01  # two steps have moved it
    for form in FORMS.get(strategy, ["first.ckpt"]):
        output = tmp_path / form
        assert main(["export", "--ckpt_path", str(folder / form), "--output", str(output)]) == 0
        torch.testing.assert_close(logits_of(output), expected, rtol=0, atol=1e-6)


def test_the_run_itself_has_written_the_same_files(trained, tmp_path):
    strategy, folder = trained
    by_run = folder / "at-the-end"
    for form in FORMS.get(strategy, ["first.ckpt"]):
        output = tmp_path / form
        assert main(["export", "--ckpt_path", str(folder / form), "--output", str(output)]) == 0
        files = {path.name: path.read_bytes() for path in output.iterdir()}
        assert files == {path.name: path.read_bytes() for path in by_run.iterdir()}
    assert not any("critic" in name for name in load_file(by_run / "model.safetensors"))
