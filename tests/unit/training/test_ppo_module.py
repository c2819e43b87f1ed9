from dataclasses import replace

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from torch.utils.data import DataLoader

from limr.models import Pretrained
from limr.training import PPOConfig, PPOModule
from limr.types import Sampling, Verdict
from limr.verifier import Reward

pytestmark = pytest.mark.filterwarnings("ignore:.*no `val_dataloader`")

FAST = {"minibatch_size": 8, "micro_batch_size": 8, "actor_lr": 1e-3, "critic_lr": 1e-3}
SAMPLING = Sampling(samples_per_prompt=4, max_response_tokens=6)


class SaysOne(Reward):
    """Rewards responses with the digit 1 in them: reachable by chance, learnable at once."""

    def grade(self, responses, golds, truncated):
        return [
            Verdict(status="correct", score=1.0)
            if "1" in response
            else Verdict(status="wrong", score=-0.5)
            for response in responses
        ]


class OddLength(Reward):
    """Rewards about half of what an untrained model says."""

    def grade(self, responses, golds, truncated):
        return [
            Verdict(status="correct", score=1.0)
            if len(response) % 2
            else Verdict(status="wrong", score=-0.5)
            for response in responses
        ]


class History(Callback):
    def __init__(self):
        self.metrics, self.rollouts = [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.metrics.append({k: float(v) for k, v in trainer.callback_metrics.items()})
        self.rollouts.append(outputs["rollout"])


def make_module(model_folder, *, sampling=SAMPLING, reward=None, **knobs):
    return PPOModule(
        pretrained=Pretrained(name=model_folder),
        sampling=sampling,
        ppo=PPOConfig(**(FAST | knobs)),
        reward=reward or SaysOne(),
    )


def make_trainer(history=None, **options):
    return Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[history] if history else None,
        **options,
    )


def loader(batches):
    return DataLoader(batches, batch_size=None)


def fit(module, batches, *, seed=1, **options):
    seed_everything(seed, verbose=False)
    history = History()
    trainer = make_trainer(history, **options)
    trainer.fit(module, loader(batches))
    return trainer, history


def weights(module):
    return {name: p.clone() for name, p in module.state_dict().items()}


def test_ppo_learns_what_the_reward_asks_for(model_folder, make_prompts):
    module = make_module(model_folder, actor_lr=1e-2, warmup_steps=0)
    _, history = fit(module, make_prompts(30, prompts=8))
    shares = [m["reward/correct"] for m in history.metrics]
    assert sum(shares[:3]) / 3 < 0.3
    assert sum(shares[-3:]) / 3 > 0.8


def test_the_same_seed_repeats_bit_for_bit_and_another_does_not(model_folder, make_prompts):
    def run(seed):
        module = make_module(model_folder)
        _, history = fit(module, make_prompts(3), seed=seed)
        timeless = [
            {k: v for k, v in m.items() if not k.startswith("time/")} for m in history.metrics
        ]
        return weights(module), timeless

    (first, metrics), (again, metrics_again), (other, _) = run(1), run(1), run(2)
    assert metrics == metrics_again
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("estimator", ["gae", "grpo", "dr_grpo", "rloo", "reinforce_plus_plus"])
def test_every_estimator_trains_and_logs(model_folder, make_prompts, estimator):
    knobs = {"kl_in": "loss", "kl_estimator": "k3"} if estimator == "grpo" else {}
    module = make_module(model_folder, estimator=estimator, **knobs)
    before = weights_of_policy(model_folder)
    _, history = fit(module, make_prompts(2))
    logged = history.metrics[-1]
    assert all(value == value for value in logged.values()), "a metric is NaN"
    assert ("critic/loss" in logged) == (estimator == "gae")
    assert logged["policy/grad_norm"] > 0
    after = dict(module.policy.model.named_parameters())
    assert any(not torch.equal(before[name], after[name]) for name in before)


def weights_of_policy(model_folder):
    module = make_module(model_folder)
    module.configure_model()
    return {name: p.detach().clone() for name, p in module.policy.model.named_parameters()}


def test_group_estimators_refuse_single_samples(model_folder):
    with pytest.raises(ValueError, match=r"set sampling\.samples_per_prompt to 2 or more"):
        make_module(model_folder, estimator="grpo", sampling=Sampling(samples_per_prompt=1))


def test_the_reference_stays_frozen_and_out_of_checkpoints(model_folder, make_prompts):
    module = make_module(model_folder)
    fit(module, make_prompts(2))
    original = weights_of_policy(model_folder)
    reference = dict(module.reference.model.named_parameters())
    assert all(torch.equal(original[name], reference[name]) for name in original)
    assert {name.split(".")[0] for name in module.state_dict()} == {"policy", "critic"}


def test_without_kl_no_reference_is_loaded_and_kl_is_zero(model_folder, make_prompts):
    module = make_module(model_folder, kl_coef=0.0)
    _, history = fit(module, make_prompts(2))
    assert "reference" not in module.__dict__
    assert history.metrics[-1]["policy/kl"] == 0.0


def test_warmup_and_group_learning_rates_are_logged_as_used(model_folder, make_prompts):
    module = make_module(model_folder, warmup_steps=4, critic_lr=2e-3)
    _, history = fit(module, make_prompts(3))
    # 16 responses in minibatches of 8: two optimizer steps a rollout, metrics are their mean
    assert [m["policy/lr"] for m in history.metrics] == pytest.approx([3.75e-4, 8.75e-4, 1e-3])
    assert [m["critic/lr"] for m in history.metrics] == pytest.approx([7.5e-4, 1.75e-3, 2e-3])


def test_gradients_of_policy_and_critic_are_clipped_apart(model_folder, make_prompts):
    module = make_module(model_folder, max_grad_norm=1e-12, warmup_steps=0)
    before = weights_of_policy(model_folder)
    module.optimizer = lambda params: torch.optim.SGD(params)
    fit(module, make_prompts(1))
    after = dict(module.policy.model.named_parameters())
    assert all(torch.allclose(before[n], after[n], atol=1e-12, rtol=0) for n in before)


def test_dynamic_sampling_updates_only_on_enough_mixed_prompts(model_folder, make_prompts):
    module = make_module(model_folder, dynamic_sampling=6, kl_coef=0.0, reward=OddLength())
    trainer, history = fit(module, make_prompts(8))
    mixed, updates = 0, 0
    for rollout in history.rollouts:
        groups = rollout.scores.view(-1, 4)
        mixed += int((groups != groups[:, :1]).any(dim=1).sum())
        if mixed >= 6:
            updates += -(-mixed * 4 // 8)
            mixed = 0
    assert updates > 1
    assert trainer.global_step == updates


def test_overlong_penalty_lowers_the_scores_of_long_responses_only(model_folder, make_prompts):
    module = make_module(model_folder, overlong_buffer_tokens=2, overlong_penalty=0.5)
    _, history = fit(module, make_prompts(1))
    rollout = history.rollouts[0]
    for score, verdict, length in zip(
        rollout.scores.tolist(), rollout.graded.verdicts, rollout.graded.lengths, strict=True
    ):
        expected = {5: 0.25, 6: 0.5}.get(length, 0.0)
        assert score == pytest.approx(verdict.score - expected)


def test_validation_needs_no_critic_and_reads_a_training_checkpoint(
    model_folder, make_prompts, tmp_path
):
    module = make_module(model_folder)
    trainer, _ = fit(module, make_prompts(2))
    path = tmp_path / "last.ckpt"
    trainer.save_checkpoint(path)

    collected = []

    class Collect(Callback):
        def on_validation_batch_end(self, trainer, pl_module, outputs, *_):
            collected.append(outputs)

    greedy = Sampling(temperature=0.0, max_response_tokens=6)
    batches = [replace(b, benchmark="toy", sampling=greedy) for b in make_prompts(2)]
    fresh = make_module(model_folder)
    make_trainer(Collect()).validate(
        fresh, loader(batches), ckpt_path=path, verbose=False, weights_only=True
    )
    assert not hasattr(fresh, "critic")
    trained, loaded = module.policy.state_dict(), fresh.policy.state_dict()
    assert all(torch.equal(trained[name], loaded[name]) for name in trained)
    assert [len(graded.responses) for graded in collected] == [4, 4]
    assert collected[0].benchmark == "toy"


def test_rollout_logprobs_are_those_of_the_sampling_distribution(model_folder, make_prompts):
    sampling = Sampling(temperature=1.7, samples_per_prompt=2, max_response_tokens=6)
    own = make_module(model_folder, sampling=sampling)
    original = make_module(model_folder, sampling=sampling, logprob_temperature=1.0)
    assert own.logprob_temperature == 1.7
    assert original.logprob_temperature == 1.0
    (batch,) = make_prompts(1)
    own.configure_model()
    torch.manual_seed(0)
    rollout = own.roll_out(batch)
    ids = torch.cat([rollout.prompt_ids, rollout.response_ids], dim=1)
    mask = torch.cat([rollout.prompt_mask, rollout.response_mask], dim=1)
    row = 3
    kept = ids[row][mask[row]][None]
    with torch.no_grad():
        logits = own.policy.model(kept).logits[0] / 1.7
    length = rollout.graded.lengths[row]
    table = torch.log_softmax(logits.double(), dim=-1)
    expected = [table[-length - 1 + i, kept[0, -length + i]].item() for i in range(length)]
    assert rollout.logprobs[row, :length].tolist() == pytest.approx(expected, abs=1e-5)
