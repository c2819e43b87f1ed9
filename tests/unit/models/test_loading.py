import json

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, PreTrainedTokenizerFast

from limr.models.loading import (
    Pretrained,
    load_backbone,
    load_causal_lm,
    load_tokenizer,
    resolve_pretrained,
)
from limr.models.tiny import build_tokenizer


@pytest.fixture
def folder(tiny_lm, tmp_path):
    """A model folder, without tokenizer."""
    tiny_lm.save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def tokenizer_folder(tmp_path):
    """A tokenizer of no model's own class, which would bring special tokens of its own."""
    PreTrainedTokenizerFast(
        tokenizer_object=build_tokenizer(["3+4=7"], 270).backend_tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
    ).save_pretrained(tmp_path)
    LlamaConfig().save_pretrained(tmp_path)  # a tokenizer is looked for in model folders only
    return tmp_path


def drop_special_token(folder, name):
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        if (folder / file).exists():
            settings = json.loads((folder / file).read_text())
            settings.pop(name, None)
            (folder / file).write_text(json.dumps(settings))


def test_hub_names_pass_as_they_are():
    assert resolve_pretrained("Qwen/Qwen2.5-Math-7B") == "Qwen/Qwen2.5-Math-7B"


def test_an_unknown_embedded_model_is_refused_by_name():
    with pytest.raises(ValueError, match="no embedded model 'embedded:missing'"):
        resolve_pretrained("embedded:missing")


@pytest.mark.parametrize("name", ["./models/absent", "/absent/model", "~/absent", "../x", "a/b/c"])
def test_a_path_that_is_no_model_folder_is_refused(name):
    with pytest.raises(ValueError, match=r"not a model folder \(no config.json in it\)"):
        resolve_pretrained(name)


def test_a_home_folder_is_expanded(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert resolve_pretrained(f"~/{folder.name}") == str(folder)


def test_weights_come_back_as_saved(tiny_lm, folder):
    loaded = load_causal_lm(Pretrained(name=str(folder)))
    torch.testing.assert_close(loaded.state_dict(), tiny_lm.state_dict(), atol=0, rtol=0)
    assert not loaded.training


def test_the_backbone_is_the_language_model_without_its_head(tiny_lm, folder):
    backbone = load_backbone(Pretrained(name=str(folder)))
    torch.testing.assert_close(backbone.state_dict(), tiny_lm.model.state_dict(), atol=0, rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weights_are_loaded_in_the_asked_for_dtype(folder, dtype):
    model = load_causal_lm(Pretrained(name=str(folder), dtype=dtype))
    assert {p.dtype for p in model.parameters()} == {getattr(torch, dtype)}


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_the_attention_kernel_is_the_asked_for_one(folder, kernel):
    model = load_causal_lm(Pretrained(name=str(folder), attn_implementation=kernel))
    assert model.config._attn_implementation == kernel


@pytest.mark.parametrize("load", [load_causal_lm, load_backbone])
def test_gradient_checkpointing_is_switched(folder, load):
    assert not load(Pretrained(name=str(folder))).is_activation_checkpointing
    assert load(
        Pretrained(name=str(folder), gradient_checkpointing=True)
    ).is_activation_checkpointing


@pytest.mark.parametrize("load", [load_tokenizer, load_causal_lm, load_backbone])
def test_a_model_that_is_neither_here_nor_on_the_hub_is_refused(load, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ValueError, match=r"pretrained.name: 'models/nope': no such folder here, and"
    ):
        load(Pretrained(name="models/nope"))


def test_a_folder_without_weights_is_refused(tiny_lm, tmp_path):
    tiny_lm.config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"pretrained.name: .*: not a complete model folder"):
        load_causal_lm(Pretrained(name=str(tmp_path)))


def test_on_the_meta_device_no_weight_is_read(tiny_lm, tmp_path):
    tiny_lm.config.save_pretrained(tmp_path)  # the folder holds an architecture only
    pretrained = Pretrained(name=str(tmp_path), dtype="bfloat16", gradient_checkpointing=True)
    with torch.device("meta"):
        model, backbone = load_causal_lm(pretrained), load_backbone(pretrained)
    shapes = {name: p.shape for name, p in tiny_lm.named_parameters()}
    assert {name: p.shape for name, p in model.named_parameters()} == shapes
    for module in (model, backbone):
        assert all(p.is_meta and p.dtype == torch.bfloat16 for p in module.parameters())
        assert module.is_activation_checkpointing


def test_a_tokenizer_keeps_its_own_pad_token(tokenizer_folder):
    tokenizer = load_tokenizer(Pretrained(name=str(tokenizer_folder)))
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|pad|>", "<|end|>")


def test_a_tokenizer_without_pad_token_pads_with_end_of_sequence(tokenizer_folder):
    drop_special_token(tokenizer_folder, "pad_token")
    assert AutoTokenizer.from_pretrained(tokenizer_folder).pad_token_id is None
    tokenizer = load_tokenizer(Pretrained(name=str(tokenizer_folder)))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id is not None


def test_a_tokenizer_without_end_of_sequence_is_refused(tokenizer_folder):
    drop_special_token(tokenizer_folder, "eos_token")
    with pytest.raises(ValueError, match="no end-of-sequence token"):
        load_tokenizer(Pretrained(name=str(tokenizer_folder)))


def test_weights_load_within_the_device_context_that_lightning_sets():
    with torch.device("cpu", 0):  # as with a GPU, transformers would ask for accelerate
        model = load_causal_lm(Pretrained(name="embedded:tiny-base"))
    assert {weight.device.type for weight in model.parameters()} == {"cpu"}
