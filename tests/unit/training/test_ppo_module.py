import json
from dataclasses import replace

import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, Trainer, seed_everything
from lightning.pytorch.loggers import Logger
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


class SaveEachRank(Callback):
    def __init__(self, folder):
        self.folder = folder

    def on_train_end(self, trainer, pl_module):
        torch.save(pl_module.state_dict(), self.folder / f"{trainer.global_rank}.pt")
        spent, rank = pl_module.spent.metrics(), trainer.global_rank
        (self.folder / f"spent-{rank}.json").write_text(json.dumps(spent))


class Kept(Logger):
    """The `progress/*` that a logger gets, by step."""

    name, version = "kept", "0"

    def __init__(self):
        super().__init__()
        self.got = []

    def log_hyperparams(self, *args):
        pass

    def log_metrics(self, metrics, step=None):
        found = {k: v for k, v in metrics.items() if k.startswith("progress/")}
        if found:
            self.got.append((step, found))


class Prompts(LightningDataModule):
    rollout_batch_size = 4

    def __init__(self, batches):
        super().__init__()
        self.batches = batches
        self.planned_rollouts = lambda: len(batches)

    def train_dataloader(self):
        return loader(self.batches)


def make_trainer(*callbacks, max_epochs=1, logger=False, **options):
    return Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **options,
    )


def loader(batches):
    return DataLoader(batches, batch_size=None)


def fit(module, batches, *, seed=1, ckpt_path=None, with_datamodule=False, save_to=None, **options):
    seed_everything(seed, verbose=False)
    history = History()
    trainer = make_trainer(history, *([SaveEachRank(save_to)] if save_to else []), **options)
    data = {"datamodule": Prompts(batches)} if with_datamodule else {}
    loaders = {} if with_datamodule else {"train_dataloaders": loader(batches)}
    trainer.fit(module, **data, **loaders, ckpt_path=ckpt_path)
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


@pytest.mark.parametrize(
    ("estimator", "advantages"),
    [
        ("gae", [[0.5, 0.5], [-2.0, -2.0]]),  # score less the value of 0.5 and 1.5
        ("grpo", [[0.5**0.5] * 2, [-(0.5**0.5)] * 2]),  # 0.75 over the sample deviation
        ("dr_grpo", [[0.75, 0.75], [-0.75, -0.75]]),  # less the mean of 0.25
        ("rloo", [[1.5, 1.5], [-1.5, -1.5]]),  # less the other sample's score
        ("reinforce_plus_plus", [[1.0, 1.0], [-0.5, -0.5]]),  # the score still to come
    ],
)
def test_each_estimator_gives_its_own_advantages(model_folder, make_rollout, estimator, advantages):
    sampling = Sampling(samples_per_prompt=2, max_response_tokens=6)
    knobs = {"estimator": estimator, "whiten_advantages": False, "gae_lambda": 1.0}
    module = make_module(model_folder, sampling=sampling, **knobs)
    rollout = make_rollout([1.0, -0.5], 3, 2)
    rewards = torch.tensor([[0.0, 1.0], [0.0, -0.5]])
    found, _ = module.estimate(rollout, rewards)
    torch.testing.assert_close(found, torch.tensor(advantages))


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
    """Plain SGD at rate 1 moves each network by exactly its clipped gradient."""
    knobs = {"actor_lr": 1.0, "critic_lr": 1.0, "warmup_steps": 0, "minibatch_size": 16}
    module = make_module(model_folder, max_grad_norm=1e-3, **knobs)
    module.optimizer = lambda params: torch.optim.SGD(params)
    module.configure_model()
    torch.nn.init.normal_(module.critic.head.weight)
    before = weights(module)
    fit(module, make_prompts(1))
    after = module.state_dict()
    for network in ("policy", "critic"):
        names = {p.data_ptr(): name for name, p in after.items() if name.startswith(network)}
        moves = [(after[name] - before[name]).double().flatten() for name in names.values()]
        assert torch.cat(moves).norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_a_decaying_schedule_ends_at_its_floor(model_folder, make_prompts):
    module = make_module(model_folder, lr_schedule="linear", warmup_steps=0, lr_min_ratio=0.0)
    _, history = fit(module, make_prompts(4), with_datamodule=True)
    # 8 optimizer steps, two a rollout: factors 1, 7/8, ..., 1/8
    rates = [m["policy/lr"] / FAST["actor_lr"] for m in history.metrics]
    assert rates == pytest.approx([15 / 16, 11 / 16, 7 / 16, 3 / 16])


def test_the_entropy_bonus_keeps_the_policy_open(model_folder, make_prompts):
    def entropy(coef):
        module = make_module(model_folder, entropy_coef=coef, actor_lr=1e-2, warmup_steps=0)
        return fit(module, make_prompts(24))[1].metrics[-1]["policy/entropy"]

    assert entropy(1.0) > entropy(0.0) + 0.05  # of at most log(270) = 5.6 nats


def test_bf16_mixed_trains_every_weight_in_float32(model_folder, make_prompts):
    module = make_module(model_folder, warmup_steps=0)
    before = weights_of_policy(model_folder)
    _, history = fit(module, make_prompts(2), precision="bf16-mixed")
    assert all(value == value for value in history.metrics[-1].values()), "a metric is NaN"
    for name, weight in module.policy.model.named_parameters():
        assert weight.dtype == torch.float32
        assert not torch.equal(before[name], weight)


def test_bf16_true_keeps_weights_in_bfloat16_and_metrics_in_float32(model_folder, make_prompts):
    module = make_module(model_folder, warmup_steps=0)
    _, history = fit(module, make_prompts(2), precision="bf16-true")
    reference = module.__dict__["reference"]
    dtypes = {w.dtype for part in (module, reference) for w in part.parameters()}
    assert dtypes == {torch.bfloat16}
    assert torch.get_default_dtype() == torch.float32
    scores = [r.scores.mean().item() for r in history.rollouts]
    assert [m["reward/score_mean"] for m in history.metrics] == scores
    assert {x.dtype for r in history.rollouts for x in (r.logprobs, r.values)} == {torch.float32}


@pytest.mark.parametrize("knobs", [{}, {"dynamic_sampling": 5, "reward": OddLength()}])
def test_a_resumed_run_repeats_the_uninterrupted_one(model_folder, make_prompts, tmp_path, knobs):
    batches = make_prompts(3)
    whole = make_module(model_folder, **knobs)
    fit(whole, batches, max_epochs=2)

    half = make_module(model_folder, **knobs)
    trainer, _ = fit(half, batches, max_epochs=1)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    resumed = make_module(model_folder, **knobs)
    fit(resumed, batches, max_epochs=2, ckpt_path=tmp_path / "half.ckpt")

    expected, found = weights(whole), weights(resumed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert any(not torch.equal(expected[n], w) for n, w in weights(half).items())


def test_what_the_policy_has_cost_is_logged_at_its_step_and_goes_on_after_a_resume(
    model_folder, make_prompts, tmp_path
):
    greedy = Sampling(temperature=0.0, max_response_tokens=6)
    measured = [replace(b, benchmark="toy", sampling=greedy) for b in make_prompts(1)]

    class Measured(Prompts):
        problems = ("p",) * 16

        def val_dataloader(self):
            return loader(measured)

    def fit_on(module, epochs, ckpt_path=None):
        seed_everything(1, verbose=False)
        logger, history = Kept(), History()
        options = {"logger": logger, "log_every_n_steps": 1, "num_sanity_val_steps": -1}
        trainer = make_trainer(history, max_epochs=epochs, **options)
        trainer.fit(module, datamodule=Measured(make_prompts(2)), ckpt_path=ckpt_path)
        return trainer, logger.got, history.rollouts

    trainer, first, _ = fit_on(make_module(model_folder), 1)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    _, second, _ = fit_on(make_module(model_folder), 2, tmp_path / "half.ckpt")
    _, whole, rollouts = fit_on(make_module(model_folder), 2)

    lengths = [sum(rollout.graded.lengths) for rollout in rollouts]
    expected = [
        {
            "progress/optimizer_steps": step * 2,  # 16 responses in minibatches of 8
            "progress/responses": step * 16,
            "progress/tokens": sum(lengths[:step]),
            "progress/visits": step * 4 / 16,
        }
        for step in range(5)
    ]
    # the check before the first step, two steps, a validation, two steps, a validation
    assert whole == [(step, expected[step]) for step in (0, 0, 1, 2, 2, 3, 4)]
    assert first == whole[:4]
    assert second == whole[3:]  # measures once more before it goes on

    logger = Kept()
    path = tmp_path / "half.ckpt"
    make_trainer(logger=logger).validate(
        make_module(model_folder), loader(measured), ckpt_path=path, verbose=False
    )
    assert logger.got == [(2, expected[2])]


def test_a_fit_after_a_validation_has_critic_and_reference(model_folder, make_prompts):
    module = make_module(model_folder)
    greedy = Sampling(temperature=0.0, max_response_tokens=6)
    batches = [replace(b, benchmark="toy", sampling=greedy) for b in make_prompts(1)]
    make_trainer().validate(module, loader(batches), verbose=False)
    assert not hasattr(module, "critic")
    _, history = fit(module, make_prompts(3))
    assert history.metrics[-1]["critic/loss"] > 0
    assert history.metrics[-1]["policy/kl"] != 0


@pytest.mark.integration
def test_two_ranks_train_one_policy(model_folder, make_prompts, tmp_path):
    module = make_module(model_folder, warmup_steps=0)
    path = tmp_path / "ranks"
    path.mkdir()
    fit(module, make_prompts(2), strategy="ddp_fork", devices=2, save_to=path)
    first, second = (torch.load(path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    before = weights_of_policy(model_folder)
    assert any(not torch.equal(before[n], first[f"policy.model.{n}"]) for n in before)
    spent = [json.loads((path / f"spent-{rank}.json").read_text()) for rank in (0, 1)]
    assert spent[0] == spent[1]
    assert spent[0]["progress/responses"] == 2 * 16  # each rank takes one of the two batches


def test_dynamic_sampling_updates_only_on_enough_mixed_prompts(model_folder, make_prompts):
    module = make_module(model_folder, dynamic_sampling=6, kl_coef=0.0, reward=OddLength())
    trainer, history = fit(module, make_prompts(8))
    mixed, updates = 0, 0
    for rollout in history.rollouts:
        correct = torch.tensor([v.status == "correct" for v in rollout.graded.verdicts])
        solved = correct.view(-1, 4).sum(dim=1)
        mixed += int(((solved > 0) & (solved < 4)).sum())
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
    rollout = own.roll_out(batch, seed=0)
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
