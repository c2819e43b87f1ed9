import pytest
import torch

from limr.models.policy import Policy, join


def unpadded_logits(model, prompt, response):
    """Logits that predict each response token, from the row alone; float64 (T, V)."""
    with torch.no_grad():
        logits = model(input_ids=torch.cat([prompt, response])[None]).logits[0]
    return logits[len(prompt) - 1 : -1].double()


@pytest.mark.parametrize("temperature", [1.0, 1.2, 0.5])
def test_logprobs_are_those_of_each_row_alone_whatever_the_padding(
    tiny_lm, ragged, padded, temperature
):
    logprobs, entropy = Policy(tiny_lm)(*padded, temperature=temperature)
    assert entropy is None
    assert logprobs.shape == padded[2].shape
    assert logprobs.dtype == torch.float32
    for i, (prompt, response) in enumerate(ragged):
        p = torch.softmax(unpadded_logits(tiny_lm, prompt, response) / temperature, dim=-1)
        expected = p[torch.arange(len(response)), response].log()
        torch.testing.assert_close(
            logprobs[i, : len(response)].double(), expected, atol=1e-6, rtol=1e-6
        )


def test_entropy_is_that_of_the_tempered_distribution(tiny_lm, ragged, padded):
    _, entropy = Policy(tiny_lm)(*padded, temperature=1.3, entropy="measure")
    for i, (prompt, response) in enumerate(ragged):
        tempered = unpadded_logits(tiny_lm, prompt, response) / 1.3
        expected = torch.distributions.Categorical(logits=tempered).entropy()
        torch.testing.assert_close(
            entropy[i, : len(response)].double(), expected, atol=1e-6, rtol=1e-6
        )


def test_only_entropy_for_training_carries_a_gradient(tiny_lm, padded):
    policy = Policy(tiny_lm)
    logprobs, measured = policy(*padded, entropy="measure")
    _, trained = policy(*padded, entropy="train")
    assert logprobs.requires_grad
    assert trained.requires_grad
    assert not measured.requires_grad
    torch.testing.assert_close(measured, trained.detach())


def test_gradient_checkpointing_changes_no_gradient(tiny_lm, padded):
    policy = Policy(tiny_lm).train()
    mask = padded[3]

    def gradients():
        policy.zero_grad()
        policy(*padded)[0][mask].sum().backward()
        return [p.grad.clone() for p in policy.parameters()]

    plain = gradients()
    tiny_lm.activation_checkpointing_enable()
    torch.testing.assert_close(gradients(), plain)


def test_bfloat16_models_give_float32_logprobs(tiny_lm, padded):
    logprobs, _ = Policy(tiny_lm.to(torch.bfloat16))(*padded)
    assert logprobs.dtype == torch.float32


def test_join_positions_count_kept_tokens_only():
    prompt = torch.tensor([[9, 9, 5, 6], [9, 1, 2, 3]])
    prompt_mask = torch.tensor([[False, False, True, True], [False, True, True, True]])
    response = torch.tensor([[7, 8, 0], [4, 0, 0]])
    response_mask = torch.tensor([[True, True, False], [True, False, False]])
    ids, mask, positions = join(prompt, prompt_mask, response, response_mask)
    assert ids.tolist() == [[9, 9, 5, 6, 7, 8, 0], [9, 1, 2, 3, 4, 0, 0]]
    assert mask.tolist()[0] == [False, False, True, True, True, True, False]
    assert positions[0, 2:6].tolist() == [0, 1, 2, 3]
    assert positions[1, 1:5].tolist() == [0, 1, 2, 3]
    assert positions.min() >= 0
