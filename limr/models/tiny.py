"""A tokenizer and a language model small enough to train on one CPU core."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
BOXED = "\\boxed{"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class TinyArchitecture:
    """The size of a tiny Qwen2 model."""

    vocab_size: int = 384
    """Upper limit for the tokenizer: 256 bytes, 6 added tokens, the rest merges."""
    hidden_size: int = 96
    num_hidden_layers: int = 3
    num_attention_heads: int = 3
    intermediate_size: int = 256
    max_position_embeddings: int = 256
    rope_theta: float = 10_000.0


def build_tokenizer(corpus: Iterable[str], vocab_size: int) -> Qwen2Tokenizer:
    r"""A byte-level BPE tokenizer with every digit and ``\boxed{`` a token of its own.

    It is a Qwen2Tokenizer because AutoTokenizer makes one from any folder with a Qwen2 model.
    Merges are learned within words only, so that no two signs of arithmetic share a token.

    Args:
        corpus: Texts to learn merges from; the order matters only between equally frequent pairs.
        vocab_size: Upper limit, added tokens included; at least 262.
    """
    special = [PAD, END, SYSTEM, USER, ASSISTANT]
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d|[^\w\s]"), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(corpus, trainer)
    learned = json.loads(learner.to_str())["model"]
    merges: Any = [tuple(pair) for pair in learned["merges"]]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=merges,
        unk_token=PAD,
        pad_token=PAD,
        eos_token=END,
        extra_special_tokens=[SYSTEM, USER, ASSISTANT],
        padding_side="left",
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )
    tokenizer.add_tokens([AddedToken(BOXED, normalized=False, special=False)])
    return tokenizer


def build_model(
    architecture: TinyArchitecture, tokenizer: Qwen2Tokenizer, seed: int
) -> Qwen2ForCausalLM:
    """A Qwen2 model with tied embeddings and random weights drawn from ``seed``."""
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.num_hidden_layers,
        num_attention_heads=architecture.num_attention_heads,
        num_key_value_heads=architecture.num_attention_heads,
        intermediate_size=architecture.intermediate_size,
        max_position_embeddings=architecture.max_position_embeddings,
        rope_parameters={"rope_type": "default", "rope_theta": architecture.rope_theta},
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Qwen2ForCausalLM(config)
