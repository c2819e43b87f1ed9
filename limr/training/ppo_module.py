"""PPO on verifiable mathematics. Read `PPOModule.training_step` first: it is the whole method."""

from dataclasses import asdict, fields
from functools import partial
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from transformers import PreTrainedModel

from limr.generation import RolloutEngine, TransformersEngine
from limr.models import Critic, Policy, Pretrained, load_tokenizer
from limr.models.loading import load_backbone, load_causal_lm
from limr.rl import (
    KL_ESTIMATORS,
    explained_variance,
    gae,
    group_advantages,
    moments,
    reinforce_plus_plus,
    token_rewards,
    whiten,
)
from limr.seeding import derive_seed, reseed, run_seed
from limr.training.batching import informative_rows, join_rows, minibatches, take_rows
from limr.training.collector import Stopwatch, prepare, respond
from limr.training.guards import NonfiniteGuard
from limr.training.metrics import rollout_metrics, speed_metrics, update_metrics
from limr.training.placement import clip_gradients, engine_norms, placed, prepare_trainer
from limr.training.ppo_config import PPOConfig
from limr.training.ppo_update import Denominators, ppo_losses
from limr.training.resuming import check_shapes
from limr.training.schedule import lr_factor, steps_of_run
from limr.training.settling import settle_epoch
from limr.training.spent import Spent, exact
from limr.types import (
    Experience,
    GradedResponses,
    PromptBatch,
    Responses,
    Rollout,
    Sampling,
    Trajectory,
)
from limr.verifier import Reward, RuleReward


def _adamw(params: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, betas=(0.9, 0.95), weight_decay=0.0)


class PPOModule(LightningModule):
    """PPO on a verifier's reward, with the critic-free estimators by configuration.

    One training step is one rollout batch: sample, grade, estimate advantages, several clipped
    updates. `training_step` hands its rollout to callbacks as `outputs["rollout"]`.
    """

    def __init__(
        self,
        pretrained: Pretrained,
        sampling: Sampling,
        ppo: PPOConfig = PPOConfig(),  # noqa: B008
        critic: Pretrained | None = None,
        reward: Reward | None = None,
        engine: RolloutEngine | None = None,
        optimizer: OptimizerCallable = _adamw,
    ) -> None:
        """Declare a run; weights are loaded when the trainer asks for them.

        Args:
            pretrained: The policy's starting point and its frozen reference.
            sampling: How training responses are drawn.
            ppo: The update.
            critic: The critic's starting point; None takes the policy's.
            reward: Grades responses; None is the paper's rule-based reward.
            engine: Draws responses; None is transformers' own generate.
            optimizer: One optimizer for policy and critic, whose learning rates are in `ppo`.

        Raises:
            ValueError: If sampling and estimator do not fit each other.
        """
        super().__init__()
        ppo.check_sampling(sampling)
        self.automatic_optimization = False
        self.pretrained = pretrained
        self.critic_pretrained = critic or pretrained
        self.sampling = sampling
        self.ppo = ppo
        self.reward = reward or RuleReward()
        self.engine = engine or TransformersEngine()
        self.optimizer = optimizer
        self.tokenizer = load_tokenizer(pretrained)
        self.stopwatch = Stopwatch()
        self.kl_estimator = KL_ESTIMATORS[ppo.kl_estimator]
        self.reward_kl_coef = ppo.kl_coef if ppo.kl_in == "reward" else 0.0
        self.guard = NonfiniteGuard(ppo.on_nonfinite)
        self.spent = Spent()
        self._gathered: list[Experience] = []

    def setup(self, stage: str) -> None:
        """Refuse what would fail, or silently mislead, in the middle of a run.

        Raises:
            ValueError: If the trainer's precision, strategy or number of ranks is not supported.
        """
        prepare_trainer(self.trainer, self.ppo.max_grad_norm)
        if self.ppo.dynamic_sampling and self.trainer.world_size > 1:
            raise ValueError("ppo.dynamic_sampling works on one rank only")

    def configure_model(self) -> None:
        """Load the policy, and for training the critic and the frozen reference."""
        if self._fitting and self.ppo.kl_coef > 0 and self._reference is None:
            # First of all: what transformers imports while DeepSpeed patches torch's initialisation
            # would leave the rotary buffers of later, ordinary models unset.
            reference = Policy(placed(self._new_policy, self._trainer, trained=False))
            # Held outside the module tree: neither trained, nor wrapped, nor saved in checkpoints.
            self.__dict__["reference"] = reference.eval().requires_grad_(False)
        if not hasattr(self, "policy"):
            self.policy = Policy(placed(self._new_policy, self._trainer)).train()
        if self._fitting and self.ppo.has_critic and self._critic is None:
            self.critic = placed(self._new_critic, self._trainer).train()

    def _new_policy(self) -> PreTrainedModel:
        return load_causal_lm(self.pretrained)

    def _new_critic(self) -> Critic:
        return Critic(load_backbone(self.critic_pretrained))

    @property
    def _fitting(self) -> bool:
        return self._trainer is None or self.trainer.state.fn == "fit"

    @property
    def _reference(self) -> Policy | None:
        return self.__dict__.get("reference")

    @property
    def _critic(self) -> Critic | None:
        return getattr(self, "critic", None)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up gathered experience and counts; leave a critic's weights where none is built."""
        if self._trainer and self._fitting:
            settle_epoch(checkpoint, self._trainer)
        self._gathered = [Experience(**part) for part in checkpoint.get("gathered", [])]
        self.spent = Spent.saved_in(checkpoint)
        if not self._fitting:
            weights = checkpoint.get("state_dict", {})  # FSDP2 has loaded its own by now
            for key in [key for key in weights if key.startswith("critic.")]:
                del weights[key]
        check_shapes(checkpoint, self)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the starting point, what it has cost since, and what is gathered so far."""
        checkpoint["pretrained"] = asdict(self.pretrained)
        checkpoint["spent"] = asdict(self.spent)
        names = [field.name for field in fields(Experience)]
        checkpoint["gathered"] = [{n: getattr(p, n) for n in names} for p in self._gathered]

    def training_step(self, batch: PromptBatch, batch_idx: int) -> dict[str, Rollout]:
        """One step of PPO, from prompts to updated weights."""
        step = self.trainer.fit_loop.epoch_loop.total_batch_idx
        reseed("step", step, self.global_rank)
        self.guard.begin(step, batch)
        shuffle = torch.Generator().manual_seed(derive_seed(run_seed(), "minibatches", step))

        # 1. Roll out: sample responses, score them, record what each model thinks of every token.
        rollout = self.roll_out(batch, derive_seed(run_seed(), "rollout", step))
        metrics: dict[str, Tensor | float] = {**rollout_metrics(rollout, self._sum_over_ranks)}

        if (experience := self.gather(rollout)) is not None:
            # 2. Token rewards: the score on the last token, less the KL penalty on all.
            kl = self.kl_estimator(experience.logprobs, experience.ref_logprobs)
            mask = experience.response_mask
            rewards = token_rewards(experience.scores, kl, mask, kl_coef=self.reward_kl_coef)

            # 3. Advantages and value targets.
            advantages, returns = self.estimate(experience, rewards)

            # 4. Clipped updates over shuffled minibatches.
            with self.stopwatch.phase("update"):
                metrics |= self.update(Trajectory.of(experience, advantages, returns), shuffle)

            metrics["policy/kl"] = moments(kl, mask, self._sum_over_ranks)[0]
            if self.ppo.has_critic:
                metrics["critic/explained_variance"] = explained_variance(
                    experience.values, returns, mask, reduce=self._sum_over_ranks
                )

        # 5. Tell the loggers.
        metrics |= speed_metrics(self.stopwatch.read(), rollout, self.trainer.world_size)
        self.log_dict(metrics, batch_size=len(batch.problems), sync_dist=True)
        self.log_dict(exact(self.spent.metrics()), batch_size=len(batch.problems))
        self.spent = self.spent.after(rollout, self.trainer, self._sum_over_ranks)
        return {"rollout": rollout}

    def roll_out(self, batch: PromptBatch, seed: int) -> Rollout:
        """Sample and grade responses and have every model judge their tokens."""
        self.eval()
        tokens, responses, graded = self._respond(batch, self.sampling, seed, self.stopwatch)
        with self.stopwatch.phase("prepare"):
            return prepare(
                tokens,
                responses,
                graded,
                policy=self.policy,
                reference=self._reference,
                critic=self._critic,
                ppo=self.ppo,
                temperature=self.logprob_temperature,
                max_response_tokens=self.sampling.max_response_tokens,
            )

    def _respond(
        self, batch: PromptBatch, sampling: Sampling, seed: int, stopwatch: Stopwatch
    ) -> tuple[PromptBatch, Responses, GradedResponses]:
        return respond(
            batch,
            sampling,
            policy=self.policy,
            tokenizer=self.tokenizer,
            engine=self.engine,
            reward=batch.grader or self.reward,
            seed=seed,
            stopwatch=stopwatch,
        )

    def gather(self, rollout: Rollout) -> Experience | None:
        """What to learn from now: the rollout or, with dynamic sampling, the mixed groups so far.

        Returns None while dynamic sampling has not yet gathered enough prompts.
        """
        if not self.ppo.dynamic_sampling:
            return rollout
        samples = self.sampling.samples_per_prompt
        correct = torch.tensor([v.status == "correct" for v in rollout.graded.verdicts])
        rows = informative_rows(correct, samples).to(rollout.scores.device)
        self._gathered.append(take_rows(rollout, rows))
        prompts = sum(len(part.scores) for part in self._gathered) // samples
        if prompts < self.ppo.dynamic_sampling:
            return None
        gathered, self._gathered = join_rows(self._gathered), []
        return gathered

    def estimate(self, experience: Experience, rewards: Tensor) -> tuple[Tensor, Tensor]:
        """Advantages and value targets, each (B, T), by the configured estimator."""
        ppo, mask = self.ppo, experience.response_mask
        if ppo.estimator in ("grpo", "dr_grpo", "rloo"):
            scores = rewards.masked_fill(~mask, 0.0).sum(dim=1)
            samples = self.sampling.samples_per_prompt
            groups = group_advantages(scores, samples, estimator=ppo.estimator)
            advantages = (groups[:, None] * mask).to(rewards.dtype)
            return advantages, torch.zeros_like(advantages)
        if ppo.estimator == "gae":
            advantages, returns = gae(
                rewards, experience.values, mask, gamma=ppo.gamma, gae_lambda=ppo.gae_lambda
            )
        else:
            advantages = returns = reinforce_plus_plus(rewards, mask, gamma=ppo.gamma)
        if ppo.whiten_advantages:
            advantages = whiten(advantages, mask, reduce=self._sum_over_ranks)
        return advantages, returns

    def update(self, trajectory: Trajectory, shuffle: torch.Generator) -> dict[str, Tensor]:
        """`ppo_epochs` passes of optimizer steps over shuffled minibatches; their mean metrics."""
        self.train()
        share = partial(
            minibatches,
            size=self.ppo.minibatch_size,
            samples_per_prompt=self.sampling.samples_per_prompt,
            rank=self.global_rank,
            world_size=self.trainer.world_size,
        )
        steps = [
            self.optimizer_step_on(minibatch)
            for _ in range(self.ppo.ppo_epochs)
            for minibatch in share(trajectory, generator=shuffle)
        ]
        return update_metrics(steps)

    def optimizer_step_on(self, minibatch: Trajectory) -> dict[str, Tensor] | None:
        """One optimizer step, gradients accumulated over micro-batches; None if it was skipped."""
        optimizer = cast(LightningOptimizer, self.optimizers())
        ranks = self.trainer.world_size
        metrics: dict[str, Tensor] = {}
        for loss in ppo_losses(
            minibatch,
            denominators=Denominators.of(minibatch, self.ppo, self._sum_over_ranks, ranks),
            policy=self.policy,
            critic=self._critic,
            ppo=self.ppo,
            temperature=self.logprob_temperature,
            max_response_tokens=self.sampling.max_response_tokens,
        ):
            self.manual_backward(loss.objective)
            for name, value in loss.metrics.items():
                metrics[name] = metrics.get(name, torch.zeros_like(value)) + value
        strategy = self.trainer.strategy
        rates = {group["name"]: torch.tensor(group["lr"]) for group in optimizer.param_groups}
        norms = clip_gradients(optimizer, self.ppo.max_grad_norm, strategy)
        metrics |= {f"{name}/grad_norm": norm for name, norm in norms.items()}
        if allowed := self.guard.allows(metrics, minibatch, self.trainer):
            optimizer.step()
            cast(LRScheduler, self.lr_schedulers()).step()
            norms = engine_norms(optimizer, strategy)
            metrics |= {f"{name}/grad_norm": norm for name, norm in norms.items()}
        optimizer.zero_grad()
        metrics |= {f"{name}/lr": rate for name, rate in rates.items()}
        return metrics if allowed else None

    def validation_step(  # type: ignore[override]
        self, batch: PromptBatch | GradedResponses, batch_idx: int, dataloader_idx: int = 0
    ) -> GradedResponses:
        """Sample and grade one batch of a benchmark; callbacks make the metrics."""
        if isinstance(batch, GradedResponses):  # an earlier run has measured the benchmark
            return batch
        self.eval()
        assert batch.sampling is not None
        seed = derive_seed(run_seed(), "validation", batch.benchmark)
        return self._respond(batch, batch.sampling, seed, Stopwatch())[2]

    def on_validation_epoch_end(self) -> None:
        """Log what the measured policy has cost, at the step of the measurement."""
        for logger in self.loggers:
            logger.log_metrics(self.spent.metrics(), step=self.spent.steps)

    def configure_optimizers(self) -> Any:
        """One optimizer with a parameter group for the policy and one for the critic."""
        ppo, policy, critic = self.ppo, self.policy, self._critic
        groups = [{"name": "policy", "params": [*policy.parameters()], "lr": ppo.actor_lr}]
        if critic is not None:
            groups.append({"name": "critic", "params": [*critic.parameters()], "lr": ppo.critic_lr})
        optimizer = self.optimizer(groups)
        decays = ppo.lr_schedule != "constant"
        samples = self.sampling.samples_per_prompt
        total_steps = steps_of_run(self.trainer, ppo, samples) if decays else None
        factor = partial(
            lr_factor,
            warmup_steps=ppo.warmup_steps,
            total_steps=total_steps,
            schedule=ppo.lr_schedule,
            min_ratio=ppo.lr_min_ratio,
        )
        return [optimizer], [LambdaLR(optimizer, factor)]

    @property
    def logprob_temperature(self) -> float:
        """The softmax temperature of every log-probability in the update."""
        if self.ppo.logprob_temperature is not None:
            return self.ppo.logprob_temperature
        return self.sampling.temperature

    def _sum_over_ranks(self, x: Tensor) -> Tensor:
        return self.trainer.strategy.reduce(x, reduce_op="sum")
