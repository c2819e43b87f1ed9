import pytest

from limr.training.ppo_config import PPOConfig
from limr.types import Sampling


def test_defaults_are_the_papers_settings():
    ppo = PPOConfig()
    assert (ppo.clip_range, ppo.clip_range_vf, ppo.gamma, ppo.gae_lambda) == (0.2, 0.2, 1.0, 0.95)
    assert (ppo.kl_coef, ppo.kl_estimator, ppo.kl_in) == (0.01, "k1", "reward")
    assert (ppo.actor_lr, ppo.critic_lr, ppo.warmup_steps) == (5e-7, 9e-6, 10)
    assert (ppo.minibatch_size, ppo.micro_batch_size, ppo.ppo_epochs) == (256, 4, 1)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"gamma": 1.5}, r"ppo\.gamma must be in \[0, 1\], got 1\.5"),
        ({"minibatch_size": 0}, r"ppo\.minibatch_size must be > 0, got 0"),
        ({"kl_coef": -0.1}, r"ppo\.kl_coef must be >= 0, got -0\.1"),
        ({"kl_in": "loss"}, r"needs ppo\.kl_estimator k2 or k3"),
        ({"clip_range": 1.5}, r"ppo\.clip_range must be in \[0, 1\], got 1\.5"),
        ({"clip_range": 0.0}, r"ppo\.clip_range must be > 0"),
        ({"vf_coef": -1.0}, r"ppo\.vf_coef must be >= 0"),
        ({"logprob_temperature": 0.0}, r"ppo\.logprob_temperature must be > 0"),
        ({"dynamic_sampling": 4, "lr_schedule": "cosine"}, r"set ppo\.lr_schedule: constant"),
    ],
)
def test_impossible_settings_are_refused_by_name(knobs, message):
    with pytest.raises(ValueError, match=message):
        PPOConfig(**knobs)


def test_only_gae_has_a_critic_and_only_group_estimators_compare_samples():
    assert PPOConfig().has_critic
    assert not PPOConfig().compares_samples
    assert PPOConfig(estimator="grpo").compares_samples
    assert not PPOConfig(estimator="reinforce_plus_plus").compares_samples
    assert not PPOConfig(estimator="reinforce_plus_plus").has_critic


@pytest.mark.parametrize(
    ("knobs", "sampling", "message"),
    [
        ({}, {"temperature": 0.0}, r"sampling\.temperature"),
        ({"estimator": "rloo"}, {}, r"set sampling\.samples_per_prompt to 2 or more"),
        ({"overlong_buffer_tokens": 9}, {"max_response_tokens": 8}, r"9 is more than"),
    ],
)
def test_sampling_that_does_not_fit_the_update_is_refused(knobs, sampling, message):
    with pytest.raises(ValueError, match=message):
        PPOConfig(**knobs).check_sampling(Sampling(**sampling))
