import pytest
from tokenizers.processors import TemplateProcessing

from limr.data import ChatTemplate, Exemplar, PlainTemplate
from limr.models.tiny import build_tokenizer
from limr.types import Problem

PROBLEMS = [
    Problem(id="a", prompt="1+1?", answer="2"),
    Problem(id="b", prompt="What is {x}?", answer="3"),
]
BOXED = r"Put it within \boxed{}."


def decoded(template, tokenizer):
    return [tokenizer.decode(ids) for ids in template.encode(PROBLEMS, tokenizer)]


def test_chat_ends_where_the_assistant_speaks(tokenizer):
    assert decoded(ChatTemplate(), tokenizer) == [
        "<|user|>1+1?<|assistant|>",
        "<|user|>What is {x}?<|assistant|>",
    ]


def test_chat_markup_is_special_tokens_and_text_is_bytes(tokenizer):
    ids = ChatTemplate().encode(PROBLEMS[:1], tokenizer)[0]
    assert len(ids) == 1 + len("1+1?") + 1
    assert ids[0] == tokenizer.convert_tokens_to_ids("<|user|>")


def test_chat_with_system_and_exemplars(tokenizer):
    template = ChatTemplate(
        system=BOXED, exemplars=[Exemplar(prompt="0+1?", response=r"\boxed{1}")]
    )
    assert decoded(template, tokenizer)[0] == (
        rf"<|system|>{BOXED}<|user|>0+1?<|assistant|>\boxed{{1}}<|end|><|user|>1+1?<|assistant|>"
    )


def test_chat_without_a_template_points_to_plain():
    bare = build_tokenizer(["1"], 262)
    bare.chat_template = None
    with pytest.raises(ValueError, match=r"no chat template; use limr\.data\.PlainTemplate"):
        ChatTemplate().encode(PROBLEMS, bare)


def test_plain_keeps_other_braces(tokenizer):
    template = PlainTemplate(r"Q: {prompt} In \boxed{}. A:")
    assert decoded(template, tokenizer)[1] == r"Q: What is {x}? In \boxed{}. A:"


@pytest.mark.parametrize("text", ["no place", "{prompt} {prompt}"])
def test_plain_needs_one_place_for_the_prompt(text):
    with pytest.raises(ValueError, match="exactly once"):
        PlainTemplate(text)


def with_specials(pattern):
    tokenizer = build_tokenizer(["1"], 262)
    specials = [(t, tokenizer.convert_tokens_to_ids(t)) for t in ("<|system|>", "<|end|>")]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=pattern, special_tokens=specials
    )
    return tokenizer


def test_specials_a_tokenizer_adds_are_kept_in_plain_and_not_doubled_in_chat():
    adds_start = with_specials("<|system|> $A")
    assert decoded(PlainTemplate(), adds_start)[0] == "<|system|>1+1?"
    assert decoded(ChatTemplate(system="S"), adds_start)[0] == (
        "<|system|>S<|user|>1+1?<|assistant|>"
    )


def test_plain_refuses_a_tokenizer_that_ends_prompts():
    with pytest.raises(ValueError, match="end-of-sequence token after every prompt"):
        PlainTemplate().encode(PROBLEMS, with_specials("$A <|end|>"))


def test_no_problems_give_no_rows(tokenizer):
    assert ChatTemplate().encode([], tokenizer) == []
    assert PlainTemplate().encode([], tokenizer) == []
