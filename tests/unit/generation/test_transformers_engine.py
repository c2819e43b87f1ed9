from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare
from transformers import GenerationConfig

from limr.generation import TransformersEngine
from limr.generation.transformers_engine import end_of_sequence_ids, only, response_mask
from limr.models.policy import Policy
from limr.models.tiny import build_tokenizer
from limr.types import Problem, PromptBatch, Sampling

GREEDY = Sampling(temperature=0.0, max_response_tokens=6)


@pytest.fixture(scope="module")
def new_tokenizer():
    """Makes tokenizers whose pad and end-of-sequence tokens are the given ids (below 40)."""

    def make(pad_id, eos_id):
        tokenizer = build_tokenizer(["3+4"], 262)
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad_id)
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(eos_id)
        assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (pad_id, eos_id)
        return tokenizer

    return make


@pytest.fixture
def batch(padded):
    prompt_ids, prompt_mask, *_ = padded
    problems = tuple(Problem(id=str(i), prompt="?", answer="0") for i in range(len(prompt_ids)))
    return PromptBatch(problems=problems, prompt_ids=prompt_ids, prompt_mask=prompt_mask)


def greedy_by_hand(model, prompt, tokens):
    """The most likely next token, one at a time, without cache or padding."""
    ids = prompt
    for _ in range(tokens):
        with torch.no_grad():
            ids = torch.cat([ids, model(input_ids=ids[None]).logits[0, -1].argmax()[None]])
    return ids[len(prompt) :].tolist()


def unused_id(model, ragged, tokens=6):
    """An id that greedy decoding of the rows never meets."""
    met = {i for prompt, _ in ragged for i in greedy_by_hand(model, prompt, tokens)}
    return min(set(range(40)) - met)


def test_greedy_takes_the_most_likely_token_each_time(tiny_lm, ragged, batch, new_tokenizer):
    eos = unused_id(tiny_lm, ragged)
    drawn = TransformersEngine().generate(tiny_lm, new_tokenizer(0, eos), batch, GREEDY, range(4))
    expected = [greedy_by_hand(tiny_lm, prompt, 6) for prompt, _ in ragged]
    assert drawn.response_ids.tolist() == expected
    assert drawn.response_mask.all()


def test_responses_cut_at_the_limit_did_not_end(tiny_lm, ragged, batch, new_tokenizer):
    eos = unused_id(tiny_lm, ragged)
    drawn = TransformersEngine().generate(tiny_lm, new_tokenizer(0, eos), batch, GREEDY, range(4))
    assert drawn.ended.tolist() == [False] * 4


def test_a_response_stops_after_its_end_of_sequence_token_even_when_that_is_the_pad_token(
    tiny_lm, ragged, batch, new_tokenizer
):
    paths = [greedy_by_hand(tiny_lm, prompt, 6) for prompt, _ in ragged]
    eos = paths[0][2]
    drawn = TransformersEngine().generate(tiny_lm, new_tokenizer(eos, eos), batch, GREEDY, range(4))
    for row, path in enumerate(paths):
        length = path.index(eos) + 1 if eos in path else 6
        assert drawn.response_mask[row].tolist() == [
            t < length for t in range(drawn.response_ids.shape[1])
        ]
        assert drawn.response_ids[row, :length].tolist() == path[:length]
        assert bool(drawn.ended[row]) == (eos in path)


def test_an_end_of_sequence_token_on_the_last_place_is_an_end(
    tiny_lm, ragged, batch, new_tokenizer
):
    path = greedy_by_hand(tiny_lm, ragged[1][0], 6)
    last = next(t for t in range(1, 6) if path[t] not in path[:t])
    sampling = replace(GREEDY, max_response_tokens=last + 1)
    drawn = TransformersEngine().generate(
        tiny_lm, new_tokenizer(0, path[last]), batch, sampling, range(4)
    )
    assert drawn.ended[1]
    assert drawn.response_mask[1].sum() == last + 1


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_chunks_draw_what_the_whole_batch_draws(tiny_lm, ragged, batch, new_tokenizer, batch_size):
    # rows end at different places, so the chunks' widths differ
    eos = greedy_by_hand(tiny_lm, ragged[0][0], 6)[1]
    tokenizer = new_tokenizer(eos, eos)
    whole = TransformersEngine().generate(tiny_lm, tokenizer, batch, GREEDY, range(4))
    parts = TransformersEngine(batch_size).generate(tiny_lm, tokenizer, batch, GREEDY, range(4))
    assert torch.equal(parts.response_mask, whole.response_mask)
    assert torch.equal(parts.ended, whole.ended)
    kept = whole.response_mask
    assert torch.equal(parts.response_ids[kept], whole.response_ids[kept])


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_a_rows_samples_depend_on_its_seed_alone(tiny_lm, batch, new_tokenizer, batch_size):
    sampling = Sampling(top_p=0.9, max_response_tokens=6)
    tokenizer = new_tokenizer(0, 1)
    whole = TransformersEngine().generate(tiny_lm, tokenizer, batch, sampling, [7, 8, 9, 10])
    order = torch.tensor([2, 0, 3, 1])
    shuffled = replace(
        batch, prompt_ids=batch.prompt_ids[order], prompt_mask=batch.prompt_mask[order]
    )
    torch.manual_seed(batch_size)  # of no consequence
    other = TransformersEngine(batch_size).generate(
        tiny_lm, tokenizer, shuffled, sampling, [9, 7, 10, 8]
    )
    assert torch.equal(other.response_mask, whole.response_mask[order])
    kept = other.response_mask
    assert torch.equal(other.response_ids[kept], whole.response_ids[order][kept])


def test_seeds_must_match_the_prompts(tiny_lm, batch, new_tokenizer):
    with pytest.raises(ValueError, match="3 seeds for 4 prompts"):
        TransformersEngine().generate(tiny_lm, new_tokenizer(0, 1), batch, GREEDY, range(3))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_samples_follow_the_policys_probabilities_at_that_temperature(
    tiny_lm, batch, new_tokenizer, temperature
):
    samples = 4000
    first = replace(
        batch,
        problems=batch.problems[:1],
        prompt_ids=batch.prompt_ids[:1],
        prompt_mask=batch.prompt_mask[:1],
    )
    drawn = TransformersEngine(samples).generate(
        tiny_lm,
        new_tokenizer(0, 1),
        first.repeat(samples),
        Sampling(temperature=temperature, max_response_tokens=1),
        range(samples),
    )
    every_token = torch.arange(40)[:, None]
    logprobs, _ = Policy(tiny_lm)(
        first.prompt_ids.expand(40, -1),
        first.prompt_mask.expand(40, -1),
        every_token,
        torch.ones_like(every_token, dtype=torch.bool),
        temperature=temperature,
    )
    expected = logprobs.detach().squeeze(1).exp().double()
    counts = torch.bincount(drawn.response_ids.squeeze(1), minlength=40).double()
    common = expected * samples >= 5  # the usual condition for the chi-square distribution
    observed, predicted = counts[common], expected[common] * samples
    predicted *= observed.sum() / predicted.sum()
    assert chisquare(observed.numpy(), predicted.numpy()).pvalue > 0.001


def test_top_p_draws_from_the_nucleus_only(tiny_lm, ragged, batch, new_tokenizer):
    with torch.no_grad():
        p = tiny_lm(input_ids=ragged[0][0][None]).logits[0, -1].softmax(dim=-1)
    order = p.argsort(descending=True)
    size = int((p[order].cumsum(0) < 0.5).sum()) + 1
    row = replace(
        batch,
        problems=batch.problems[:1],
        prompt_ids=batch.prompt_ids[:1],
        prompt_mask=batch.prompt_mask[:1],
    )
    drawn = TransformersEngine().generate(
        tiny_lm,
        new_tokenizer(0, 1),
        row.repeat(200),
        Sampling(temperature=1.0, top_p=0.5, max_response_tokens=1),
        range(200),
    )
    assert set(drawn.response_ids.flatten().tolist()) <= set(order[:size].tolist())


def test_the_models_own_generation_settings_are_left_out_and_kept(
    tiny_lm, ragged, batch, new_tokenizer
):
    tokenizer = new_tokenizer(0, unused_id(tiny_lm, ragged))
    plain = TransformersEngine().generate(tiny_lm, tokenizer, batch, GREEDY, range(4))
    own = GenerationConfig(
        repetition_penalty=9.0, no_repeat_ngram_size=1, min_new_tokens=3, suppress_tokens=[5, 6, 7]
    )
    tiny_lm.generation_config = own
    drawn = TransformersEngine().generate(tiny_lm, tokenizer, batch, GREEDY, range(4))
    assert torch.equal(drawn.response_ids, plain.response_ids)
    assert tiny_lm.generation_config is own
    assert own.repetition_penalty == 9.0


def test_the_models_own_settings_come_back_after_an_error(tiny_lm):
    own = tiny_lm.generation_config
    with pytest.raises(RuntimeError, match="stop"), only(tiny_lm, GenerationConfig()):
        raise RuntimeError("stop")
    assert tiny_lm.generation_config is own


@pytest.mark.parametrize(
    ("configured", "expected"), [(None, (1,)), (5, (1, 5)), ([7, 1, 5], (1, 5, 7))]
)
def test_every_configured_id_ends_a_response(tiny_lm, new_tokenizer, configured, expected):
    tiny_lm.generation_config.eos_token_id = configured
    assert end_of_sequence_ids(tiny_lm, new_tokenizer(0, 1)) == expected


def test_a_second_end_of_sequence_id_stops_generation(tiny_lm, ragged, batch, new_tokenizer):
    path = greedy_by_hand(tiny_lm, ragged[0][0], 6)
    tiny_lm.generation_config.eos_token_id = [path[1]]
    tokenizer = new_tokenizer(0, unused_id(tiny_lm, ragged))
    drawn = TransformersEngine().generate(tiny_lm, tokenizer, batch, GREEDY, range(4))
    assert drawn.ended[0]
    assert drawn.response_mask[0].sum() == path.index(path[1]) + 1


def test_response_mask_keeps_up_to_the_first_end_of_sequence_token():
    ids = torch.tensor([[4, 9, 9, 9], [9, 4, 4, 4], [4, 5, 6, 9], [4, 5, 6, 7], [3, 8, 9, 1]])
    mask, ended = response_mask(ids, eos_ids=(8, 9), max_response_tokens=4)
    t, f = True, False
    assert mask.tolist() == [[t, t, f, f], [t, f, f, f], [t, t, t, t], [t, t, t, t], [t, t, f, f]]
    assert ended.tolist() == [True, True, True, False, True]


def test_more_tokens_than_the_limit_are_refused():
    with pytest.raises(ValueError, match="4 tokens generated, the limit is 3"):
        response_mask(torch.zeros(1, 4, dtype=torch.long), eos_ids=(1,), max_response_tokens=3)


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="batch_size must be >= 1, got 0"):
        TransformersEngine(0)
