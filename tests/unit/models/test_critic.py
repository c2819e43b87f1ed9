import pytest
import torch

from limr.models.critic import Critic


@pytest.fixture
def critic(tiny_lm):
    """A critic whose head is not at its initial zero."""
    critic = Critic(tiny_lm.model)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        critic.head.weight.copy_(0.1 * torch.randn(1, 16, generator=generator))
        critic.head.bias.fill_(0.25)
    return critic


def test_values_are_those_of_each_row_alone_whatever_the_padding(critic, ragged, padded):
    values = critic(*padded)
    assert values.shape == padded[2].shape
    assert values.dtype == torch.float32
    for i, (prompt, response) in enumerate(ragged):
        row = torch.cat([prompt, response])[None]
        hidden = critic.backbone(input_ids=row).last_hidden_state[0]
        states = hidden[len(prompt) - 1 : -1]  # before each response token was chosen
        expected = states @ critic.head.weight[0] + 0.25
        torch.testing.assert_close(values[i, : len(response)], expected, atol=1e-6, rtol=1e-6)


def test_a_value_sees_the_tokens_before_it_and_none_from_it_on(critic, padded):
    prompt, prompt_mask, response, _ = padded
    everything = torch.ones_like(response, dtype=torch.bool)
    before = critic(prompt, prompt_mask, response, everything)
    t = 4
    changed = response.clone()
    changed[:, t] = (changed[:, t] + 1) % 40
    after = critic(prompt, prompt_mask, changed, everything)
    torch.testing.assert_close(after[:, : t + 1], before[:, : t + 1], atol=1e-6, rtol=0)
    assert ((after[:, t + 1] - before[:, t + 1]).abs() > 1e-3).all()


def test_a_new_critic_values_everything_at_zero(tiny_lm, padded):
    assert (Critic(tiny_lm.model)(*padded) == 0).all()


def test_the_head_has_the_backbones_dtype_and_the_values_are_float32(tiny_lm, padded):
    critic = Critic(tiny_lm.model.to(torch.bfloat16))
    assert critic.head.weight.dtype == torch.bfloat16
    assert critic(*padded).dtype == torch.float32


def test_backbone_and_head_are_trained(critic, padded):
    critic(*padded)[padded[3]].sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.head.parameters())
    assert any(p.grad.abs().sum() > 0 for p in critic.backbone.parameters())
