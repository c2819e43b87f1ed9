import json

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from limr.models.gguf import convert, find_gguf, main
from limr.models.tiny import build_tokenizer

HEADS, KEY_VALUE_HEADS, WIDTH = 4, 2, 64


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(["12 + 3 = 15 and so on and on"], 280)


def build_llama(tokenizer, tied):
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_VALUE_HEADS,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        tie_word_embeddings=tied,
        initializer_range=0.3,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(1)
    return LlamaForCausalLM(config).eval()


def interleaved(weight, heads):
    """The file's order of a head's rows: dimension i beside i + half, as rotary pairs."""
    rows = weight.shape[0] // heads
    order = [h * rows + i + part * rows // 2
             for h in range(heads) for i in range(rows // 2) for part in (0, 1)]  # fmt: skip
    return weight[order]


NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.layers.": "blk.",
}


def write_gguf(path, model, tokenizer, *, architecture="llama", extra=(), quantise=None):
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_VALUE_HEADS)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(5000.0)
    state = tokenizer.backend_tokenizer.to_str()
    merges = [" ".join(pair) for pair in json.loads(state)["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([tokenizer.convert_ids_to_tokens(i) for i in range(len(tokenizer))])
    special = set(tokenizer.all_special_ids)
    writer.add_token_types([3 if i in special else 1 for i in range(len(tokenizer))])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokenizer.eos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = tensor.numpy()
        if "q_proj" in name:
            array = interleaved(array, HEADS)
        if "k_proj" in name:
            array = interleaved(array, KEY_VALUE_HEADS)
        for ours, theirs in NAMES.items():
            name = name.replace(ours, theirs)
        if quantise and array.ndim == 2:
            quantised = gguf.quants.quantize(array, quantise)
            writer.add_tensor(name, quantised, raw_dtype=quantise)
        else:
            writer.add_tensor(name, np.ascontiguousarray(array))
    for name in extra:
        writer.add_tensor(name, np.ones(4, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids).logits


@pytest.mark.parametrize("tied", [True, False])
def test_the_folder_computes_what_the_file_does(tmp_path, tokenizer, tied):
    model = build_llama(tokenizer, tied)
    source = write_gguf(tmp_path / "tiny.gguf", model, tokenizer)
    convert(source, tmp_path / "folder")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "folder")
    ids = torch.arange(5, 40)[None]
    torch.testing.assert_close(logits(loaded, ids), logits(model, ids))
    assert loaded.config.tie_word_embeddings == tied
    assert loaded.generation_config.eos_token_id == tokenizer.eos_token_id


def test_the_folders_tokenizer_writes_the_same_tokens(tmp_path, tokenizer):
    source = write_gguf(tmp_path / "tiny.gguf", build_llama(tokenizer, True), tokenizer)
    convert(source, tmp_path / "folder")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "folder")
    assert loaded.eos_token_id == tokenizer.eos_token_id
    assert loaded.pad_token_id == tokenizer.pad_token_id
    text = "on and on"
    assert loaded.decode(loaded(text, add_special_tokens=False).input_ids) == text


def test_quantised_weights_are_expanded(tmp_path, tokenizer):
    model = build_llama(tokenizer, True)
    kind = gguf.GGMLQuantizationType.Q8_0
    source = write_gguf(tmp_path / "tiny.gguf", model, tokenizer, quantise=kind)
    converted = convert(source, tmp_path / "folder")
    exact, expanded = (m.model.layers[1].mlp.up_proj.weight for m in (model, converted))
    assert expanded.dtype == torch.float32
    # 8 bits: a block of 32 is stored in 127 steps of its largest absolute value
    step = exact.detach().abs().max() / 127
    assert 0 < (expanded - exact).abs().max() <= step


def test_another_architecture_is_refused(tmp_path, tokenizer):
    source = write_gguf(
        tmp_path / "tiny.gguf", build_llama(tokenizer, True), tokenizer, architecture="gemma"
    )
    with pytest.raises(
        ValueError, match="only Llama models are converted, this file holds 'gemma'"
    ):
        convert(source, tmp_path / "folder")


def test_a_tensor_without_a_place_is_refused(tmp_path, tokenizer):
    source = write_gguf(
        tmp_path / "tiny.gguf", build_llama(tokenizer, True), tokenizer, extra=["rope_freqs.weight"]
    )
    with pytest.raises(ValueError, match=r"tensors of no Llama model: rope_freqs\.weight"):
        convert(source, tmp_path / "folder")


def test_the_command_line_converts_and_refuses_in_one_line(tmp_path, tokenizer, capsys):
    source = write_gguf(tmp_path / "tiny.gguf", build_llama(tokenizer, True), tokenizer)
    assert main([str(source), str(tmp_path / "folder")]) == 0
    assert "M parameters from tiny.gguf" in capsys.readouterr().out
    assert main([str(tmp_path / "absent.gguf"), str(tmp_path / "folder")]) == 1
    assert capsys.readouterr().err.startswith("error: SOURCE: no file ")


def test_a_package_names_its_only_gguf_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "package_with_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('must not be imported')")
    with pytest.raises(ValueError, match="holds 0 GGUF files, expected one"):
        find_gguf("package:package_with_weights")
    (package / "weights.gguf").touch()
    assert find_gguf("package:package_with_weights") == package / "weights.gguf"
    with pytest.raises(ValueError, match="no package 'absent_package' is installed"):
        find_gguf("package:absent_package")
