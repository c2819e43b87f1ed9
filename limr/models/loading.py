"""From the name in a YAML file to a tokenizer and weights."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

EMBEDDED = "embedded:"
_EMBEDDED_DIR = Path(__file__).parent / "embedded"


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """Where a model comes from and in which form it is loaded."""

    name: str
    """A Hugging Face hub name, a local folder, or `embedded:tiny-base` for the model limr ships."""
    revision: str | None = None
    """Branch, tag or commit on the hub; None is its default branch."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Data type of the loaded weights."""
    attn_implementation: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    """Attention kernel; flash_attention_2 needs a GPU and the flash-attn package."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""


def resolve_pretrained(name: str) -> str:
    """A name as transformers understands it: `embedded:X` becomes the folder of the shipped model.

    Raises:
        ValueError: If no embedded model has that name, or `name` looks like a path and is no model
            folder.
    """
    if name.startswith(EMBEDDED):
        folder = _EMBEDDED_DIR / name.removeprefix(EMBEDDED)
        if not (folder / "config.json").is_file():
            known = sorted(
                EMBEDDED + path.parent.name for path in _EMBEDDED_DIR.glob("*/config.json")
            )
            raise ValueError(f"no embedded model {name!r}; limr ships {', '.join(known) or 'none'}")
        return str(folder)
    looks_like_path = name.startswith(("/", "./", "../", "~")) or name.count("/") > 1
    if looks_like_path and not (Path(name).expanduser() / "config.json").is_file():
        raise ValueError(f"pretrained.name: {name!r} is not a model folder (no config.json in it)")
    return str(Path(name).expanduser()) if looks_like_path else name


def load_tokenizer(pretrained: Pretrained) -> PreTrainedTokenizerBase:
    """The model's tokenizer; one without a pad token pads with end-of-sequence.

    Masks come from lengths, never from ids, so the two may be the same token.

    Raises:
        ValueError: If it cannot be loaded, or has no end-of-sequence token.
    """
    name = resolve_pretrained(pretrained.name)
    with _refusing(pretrained):
        tokenizer = AutoTokenizer.from_pretrained(name, revision=pretrained.revision)
    if tokenizer.eos_token_id is None:
        raise ValueError(f"the tokenizer of {pretrained.name!r} has no end-of-sequence token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_causal_lm(pretrained: Pretrained) -> PreTrainedModel:
    """The language model; under `torch.device("meta")` its architecture alone, no weight read."""
    model = _load(AutoModelForCausalLM, pretrained)
    if model.device.type == "meta":
        # As when weights are read; a model without one keeps what its configuration says.
        with suppress(OSError):
            model.generation_config = GenerationConfig.from_pretrained(
                resolve_pretrained(pretrained.name), revision=pretrained.revision or "main"
            )
    return model


def load_backbone(pretrained: Pretrained) -> PreTrainedModel:
    """The same network without its language-model head, for the critic; meta device as above."""
    return _load(AutoModel, pretrained)


@contextmanager
def _refusing(pretrained: Pretrained) -> Iterator[None]:
    """A file or hub that does not give the model becomes an error that names the setting."""
    try:
        yield
    except OSError as error:
        reason = str(error).strip().partition("\n")[0]
        place = (
            "not a complete model folder"
            if Path(resolve_pretrained(pretrained.name)).is_dir()
            else "no such folder here, and the Hugging Face hub did not give it"
        )
        raise ValueError(f"pretrained.name: {pretrained.name!r}: {place} ({reason})") from error


def _load(auto_class: Any, pretrained: Pretrained) -> PreTrainedModel:
    name = resolve_pretrained(pretrained.name)
    options: dict[str, Any] = {
        "dtype": getattr(torch, pretrained.dtype),
        "attn_implementation": pretrained.attn_implementation,
    }
    with _refusing(pretrained):
        if torch.get_default_device().type == "meta":
            config = AutoConfig.from_pretrained(name, revision=pretrained.revision)
            model: PreTrainedModel = auto_class.from_config(config, **options)
        else:
            # Lightning's device context would have transformers ask for the accelerate package
            with torch.device("cpu"):
                model = auto_class.from_pretrained(name, revision=pretrained.revision, **options)
    if pretrained.gradient_checkpointing:
        # transformers < 5.23 knows the method by its old name only, later ones deprecate that name.
        enable = getattr(model, "activation_checkpointing_enable", None)
        (enable or model.gradient_checkpointing_enable)()
    return model
