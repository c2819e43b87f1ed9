"""The tiny tokenizer and model, built fresh and as shipped."""

import re
import unicodedata
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Tokenizer

from limr.data.generated import GeneratedProblems
from limr.models import resolve_pretrained
from limr.models.tiny import BOXED, TinyArchitecture, build_model, build_tokenizer

SPECIAL = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
RECIPE = Path(__file__).parents[3] / "experiments/tiny_base.yaml"
SHIPPED_TOKENIZER = AutoTokenizer.from_pretrained(resolve_pretrained("embedded:tiny-base"))


@pytest.fixture(scope="module")
def shipped() -> Path:
    return Path(resolve_pretrained("embedded:tiny-base"))


@pytest.fixture(scope="module")
def tokenizer(shipped: Path) -> Qwen2Tokenizer:
    return AutoTokenizer.from_pretrained(shipped)


def test_the_folder_is_small_and_complete(shipped: Path):
    names = {path.name for path in shipped.iterdir()}
    needed = {"config.json", "generation_config.json", "model.safetensors", "README.md"}
    assert names >= needed | {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    assert sum(path.stat().st_size for path in shipped.iterdir()) <= 5_000_000


def test_the_model_loads_and_has_few_parameters(shipped: Path, tokenizer):
    model = AutoModelForCausalLM.from_pretrained(shipped)
    assert 300_000 <= model.num_parameters() <= 3_000_000
    assert model.config.vocab_size == len(tokenizer)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id


def test_every_digit_and_the_box_are_tokens_of_their_own(tokenizer):
    tokens = tokenizer.tokenize("2026+17= \\boxed{305}")
    assert [t for t in tokens if any(c.isdigit() for c in t)] == list("202617305")
    assert BOXED in tokens
    assert not any(re.search(r"\d", token) and len(token) > 1 for token in tokenizer.get_vocab())


def test_special_tokens_are_distinct(tokenizer):
    ids = tokenizer.convert_tokens_to_ids(list(SPECIAL))
    assert len(set(ids)) == len(SPECIAL)
    assert tokenizer.pad_token == "<|pad|>"
    assert tokenizer.eos_token == "<|end|>"
    assert tokenizer.bos_token is None


def test_the_box_survives_decoding_without_special_tokens(tokenizer):
    ids = tokenizer.encode("3+4=7\\boxed{7}<|end|>", add_special_tokens=False)
    assert tokenizer.decode(ids, skip_special_tokens=True) == "3+4=7\\boxed{7}"


@given(text=st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(text: str):
    """As Qwen's tokenizers do it: composed (NFC) characters, byte for byte."""
    ids = SHIPPED_TOKENIZER.encode(text, add_special_tokens=False)
    assert SHIPPED_TOKENIZER.decode(ids) == unicodedata.normalize("NFC", text)


def test_the_shipped_tokenizer_is_the_one_that_the_recipe_builds(tokenizer):
    """AutoTokenizer may swap a tokenizer's class and with it the pre-tokenizer."""
    recipe = yaml.safe_load(RECIPE.read_text())["model"]["init_args"]
    corpus = GeneratedProblems(**recipe["corpus"]["init_args"]).load()
    texts = [text for p in corpus for text in (p.prompt, p.solution)]
    built = build_tokenizer(texts, recipe["architecture"]["vocab_size"])
    assert type(tokenizer) is type(built)
    assert tokenizer.get_vocab() == built.get_vocab()
    sample = [f"<|user|>{p.prompt}<|assistant|>{p.solution}" for p in corpus[:1000]]
    assert tokenizer(sample).input_ids == built(sample).input_ids


def test_chat_template(tokenizer):
    messages = [
        {"role": "system", "content": "Think."},
        {"role": "user", "content": "3+4="},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "<|system|>Think.<|user|>3+4=<|assistant|>"
    answered = [*messages[1:], {"role": "assistant", "content": "7"}]
    text = tokenizer.apply_chat_template(answered, tokenize=False)
    assert text == "<|user|>3+4=<|assistant|>7<|end|>"


def test_a_corpus_gives_the_same_tokenizer_twice():
    texts = [p.prompt for p in GeneratedProblems("warmup", 200).load()]
    first, second = (build_tokenizer(texts, 320).backend_tokenizer.to_str() for _ in range(2))
    assert first == second


def test_weights_come_from_the_seed_and_leave_the_global_state_alone():
    tokenizer = build_tokenizer(["3+4=7"], 300)
    size = TinyArchitecture(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first, second = (build_model(size, tokenizer, seed=4).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
