"""From a problem to the tokens a model is prompted with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from limr.data.loaders import Prompt
from limr.types import Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True)  # no slots, as for Columns
class Exemplar:
    """A solved problem shown before the question."""

    prompt: str
    response: str


class PromptTemplate(ABC):
    """How a problem is put to the model; named in YAML by class_path and init_args."""

    @abstractmethod
    def encode(
        self, problems: Sequence[Problem], tokenizer: PreTrainedTokenizerBase
    ) -> list[list[int]]:
        """Token ids per problem, without padding."""


class ChatTemplate(PromptTemplate):
    """The tokenizer's own chat template, up to where the assistant speaks."""

    def __init__(self, system: str = "", exemplars: list[Exemplar] | None = None) -> None:
        """Choose what stands before the question.

        Args:
            system: System message; empty sends none (the tokenizer's template may add its own).
            exemplars: Solved problems, shown as earlier turns of the chat.
        """
        self.system = system
        self.exemplars = exemplars or []

    def encode(
        self, problems: Sequence[Problem], tokenizer: PreTrainedTokenizerBase
    ) -> list[list[int]]:
        """Token ids per problem.

        Raises:
            ValueError: If the tokenizer has no chat template.
        """
        if tokenizer.chat_template is None:
            raise ValueError(
                "the tokenizer has no chat template; use limr.data.PlainTemplate for this model"
            )
        if not problems:
            return []
        chats = [self._chat(problem) for problem in problems]
        texts = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
        # The template has written the special tokens already.
        return _tokenize(cast(list[str], texts), tokenizer, add_special_tokens=False)

    def _chat(self, problem: Problem) -> list[dict[str, str]]:
        turns = [("system", self.system)] if self.system else []
        for exemplar in self.exemplars:
            turns += [("user", exemplar.prompt), ("assistant", exemplar.response)]
        turns.append(("user", problem.prompt))
        return [{"role": role, "content": content} for role, content in turns]


class PlainTemplate(PromptTemplate):
    """Plain text around the question, for base models without a chat template."""

    def __init__(self, template: str = "{prompt}") -> None:
        r"""Choose the text.

        Args:
            template: Text with one `{prompt}`; other braces (`\boxed{}`) stay as they are.

        Raises:
            ValueError: If `{prompt}` does not stand in it exactly once.
        """
        if template.count("{prompt}") != 1:
            raise ValueError(f"template must hold {{prompt}} exactly once, got {template!r}")
        self.template = template

    def encode(
        self, problems: Sequence[Problem], tokenizer: PreTrainedTokenizerBase
    ) -> list[list[int]]:
        """Token ids per problem, with the tokenizer's beginning-of-sequence token if it adds one.

        Raises:
            ValueError: If the tokenizer ends prompts with its end-of-sequence token.
        """
        if not problems:
            return []
        texts = [self.template.replace("{prompt}", problem.prompt) for problem in problems]
        rows = _tokenize(texts, tokenizer, add_special_tokens=True)
        end = tokenizer.eos_token_id
        bare = _tokenize(texts[:1], tokenizer, add_special_tokens=False)
        if end is not None and rows[0][-1] == end != bare[0][-1]:
            raise ValueError(
                "the tokenizer puts its end-of-sequence token after every prompt, so the model "
                "would be asked to go on after the end; load it with add_eos_token: false"
            )
        return rows


def _tokenize(
    texts: list[str], tokenizer: PreTrainedTokenizerBase, *, add_special_tokens: bool
) -> list[list[int]]:
    encoded = tokenizer(
        texts,
        add_special_tokens=add_special_tokens,
        return_attention_mask=False,
        # Too-long prompts are found by the data module, which knows its own limit.
        verbose=False,
    )
    rows: list[list[int]] = encoded["input_ids"]
    return rows


def tokenised(
    problems: Sequence[Problem], template: PromptTemplate, tokenizer: PreTrainedTokenizerBase
) -> list[Prompt]:
    """The problems with their prompts' tokens."""
    rows = template.encode(problems, tokenizer)
    return [Prompt(problem=p, ids=ids) for p, ids in zip(problems, rows, strict=True)]
