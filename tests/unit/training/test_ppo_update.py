import pytest
import torch

from limr.training.ppo_config import PPOConfig
from limr.training.ppo_update import Denominators, ppo_losses

PROMPTS = [3, 1, 2, 5, 4, 2, 1, 3]
RESPONSES = [4, 2, 7, 1, 3, 6, 2, 5]


def run(trajectory, networks, *, parts=None, ranks=1, **knobs):
    """Gradients and summed metrics of one minibatch, the networks' gradients cleared before."""
    policy, critic = networks
    ppo = PPOConfig(**knobs)
    policy.zero_grad()
    critic.zero_grad()
    metrics = {}
    for loss in ppo_losses(
        trajectory,
        denominators=Denominators.of(trajectory, ppo, lambda x: x, ranks),
        policy=policy,
        critic=critic if parts != "policy" else None,
        ppo=ppo,
        temperature=0.7,
        max_response_tokens=8,
    ):
        loss.objective.backward()
        for name, value in loss.metrics.items():
            metrics[name] = metrics.get(name, 0.0) + value.item()
    grads = {
        f"{kind}.{name}": p.grad.clone()
        for kind, network in zip(("policy", "critic"), networks, strict=True)
        for name, p in network.named_parameters()
        if p.grad is not None
    }
    return grads, metrics


def assert_same(one, other):
    (grads, metrics), (other_grads, other_metrics) = one, other
    assert grads.keys() == other_grads.keys()
    for name in grads:
        torch.testing.assert_close(other_grads[name], grads[name], atol=5e-6, rtol=1e-5)
    assert other_metrics == pytest.approx(metrics, rel=1e-5, abs=1e-6)
    assert any(grad.abs().max() > 1e-3 for grad in grads.values())


@pytest.mark.parametrize("aggregation", ["token", "sequence", "constant"])
def test_micro_batches_give_the_update_of_the_whole(make_trajectory, networks, aggregation):
    trajectory = make_trajectory(PROMPTS * 4, RESPONSES * 4)
    knobs = {"loss_aggregation": aggregation, "entropy_coef": 0.01, "kl_coef": 0.1}
    knobs |= {"kl_in": "loss", "kl_estimator": "k3"}
    whole = run(trajectory, networks, micro_batch_size=32, **knobs)
    for size in (4, 5):
        assert_same(whole, run(trajectory, networks, micro_batch_size=size, **knobs))


def test_padding_left_or_right_changes_nothing(make_trajectory, networks):
    plain = run(make_trajectory(PROMPTS, RESPONSES), networks, micro_batch_size=8)
    padded = make_trajectory(PROMPTS, RESPONSES, extra_left=4, extra_right=3)
    assert_same(plain, run(padded, networks, micro_batch_size=8))
    assert_same(plain, run(padded, networks, micro_batch_size=3))


def test_what_lies_under_the_mask_changes_nothing(make_trajectory, networks):
    trajectory = make_trajectory(PROMPTS, RESPONSES)
    plain = run(trajectory, networks, micro_batch_size=8)
    mask = trajectory.response_mask
    for name in ("logprobs", "values", "advantages", "returns", "ref_logprobs"):
        getattr(trajectory, name)[~mask] = 1e30
    trajectory.response_ids[~mask] = 7
    trajectory.prompt_ids[~trajectory.prompt_mask] = 9
    assert_same(plain, run(trajectory, networks, micro_batch_size=8))


def test_ranks_average_to_the_whole_minibatch(make_trajectory, networks):
    """Each of two ranks holds half the rows and half the summed count; DDP averages gradients."""
    trajectory = make_trajectory(PROMPTS, RESPONSES)
    whole = run(trajectory, networks, micro_batch_size=8)
    counts = []
    for half in (slice(0, 4), slice(4, 8)):
        Denominators.of(trajectory[half], PPOConfig(), lambda x: counts.append(x) or x, 2)
    total = counts[0] + counts[1]

    policy, critic = networks
    summed = {}
    for half in (slice(0, 4), slice(4, 8)):
        policy.zero_grad()
        critic.zero_grad()
        part = trajectory[half]
        denominators = Denominators.of(part, PPOConfig(), lambda _: total, 2)
        for loss in ppo_losses(
            part,
            denominators=denominators,
            policy=policy,
            critic=critic,
            ppo=PPOConfig(),
            temperature=0.7,
            max_response_tokens=8,
        ):
            loss.objective.backward()
        for kind, network in (("policy", policy), ("critic", critic)):
            for name, p in network.named_parameters():
                if p.grad is not None:
                    key = f"{kind}.{name}"
                    summed[key] = summed.get(key, 0.0) + p.grad / 2
    for name, grad in whole[0].items():
        torch.testing.assert_close(summed[name], grad, atol=5e-6, rtol=1e-5)


def test_without_a_critic_there_are_no_critic_metrics(make_trajectory, networks):
    grads, metrics = run(make_trajectory(PROMPTS, RESPONSES), networks, parts="policy")
    assert not any(name.startswith("critic") for name in {*grads, *metrics})
    assert "policy/loss" in metrics


def test_a_first_pass_over_fresh_experience_has_ratio_one_and_no_clipping(
    make_trajectory, networks
):
    trajectory = make_trajectory(PROMPTS, RESPONSES)
    with torch.no_grad():
        logprobs, _ = networks[0](*trajectory.tokens, temperature=0.7)
    trajectory.logprobs.copy_(logprobs)
    _, metrics = run(trajectory, networks, micro_batch_size=3)
    assert metrics["policy/ratio"] == pytest.approx(1.0, abs=1e-6)
    assert metrics["policy/approx_kl"] == pytest.approx(0.0, abs=1e-6)
    assert metrics["policy/clip_fraction"] == 0.0
    mask = trajectory.response_mask
    assert metrics["policy/loss"] == pytest.approx(-trajectory.advantages[mask].mean().item())
