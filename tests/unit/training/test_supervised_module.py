"""Supervised training: what is learned from, that it learns, and that a seed decides everything."""

import random

import lightning.pytorch as pl
import pytest
import torch
from torch.nn import functional as F

from limr.data.generated import GeneratedProblems
from limr.data.supervised import (
    IGNORED,
    Stage,
    SupervisedBatches,
    WorkedSolutionsDataModule,
    draw_answer,
)
from limr.models.tiny import TinyArchitecture
from limr.training.supervised_module import SupervisedModule, answer_loss
from limr.types import Problem

TINY = TinyArchitecture(
    hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
)
PROBLEM = Problem(id="a", prompt="3+4=", answer="7", solution="3+4=7\\boxed{7}")


def stage(**changes: float) -> Stage:
    settings = {"steps": 4, "batch_size": 8, "learning_rate": 1e-2, "warmup_steps": 1}
    shares = {"worked": 1.0, "direct": 0.0, "unboxed": 0.0}
    return Stage(name="skill", **(settings | shares | changes))


def corpus() -> GeneratedProblems:
    return GeneratedProblems("warmup", 60, seed=0)


class Losses(pl.Callback):
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_train_batch_end(self, trainer, *_) -> None:
        self.values.append(float(trainer.callback_metrics["supervised/loss"]))


def fit(stages: list[Stage]) -> tuple[SupervisedModule, list[float]]:
    pl.seed_everything(7)
    module, losses = SupervisedModule(corpus(), TINY), Losses()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[losses],
    )
    trainer.fit(module, datamodule=WorkedSolutionsDataModule(corpus(), stages, seed=1))
    return module, losses.values


def test_the_loss_falls_and_every_stage_runs():
    _, losses = fit([stage(steps=30), stage(steps=5, worked=0.0, direct=1.0)])
    assert len(losses) == 35
    assert sum(losses[25:30]) < 0.6 * sum(losses[:5])


def test_the_same_seed_gives_the_same_weights():
    first, second = (fit([stage()])[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_only_the_answer_is_learned():
    module = SupervisedModule(corpus(), TINY)
    tokenizer = module.tokenizer
    (batch,) = SupervisedBatches([PROBLEM], [stage(steps=1, batch_size=1)], 0, tokenizer)
    kept = batch.labels[0] != IGNORED
    assert tokenizer.decode(batch.labels[0][kept]) == "3+4=7\\boxed{7}<|end|>"
    assert tokenizer.decode(batch.input_ids[0]) == "<|user|>3+4=<|assistant|>3+4=7\\boxed{7}<|end|>"
    assert torch.equal(batch.labels[0][kept], batch.input_ids[0][kept])


def test_the_loss_is_the_cross_entropy_of_the_full_logits():
    module = SupervisedModule(corpus(), TINY)
    shares = {"worked": 0.5, "direct": 0.5}
    batches = SupervisedBatches(corpus().load(), [stage(**shares)], 0, module.tokenizer)
    batch = next(iter(batches))
    logits = module.policy.model(
        input_ids=batch.input_ids,
        attention_mask=batch.input_ids != module.tokenizer.pad_token_id,
    ).logits
    expected = F.cross_entropy(
        logits[:, :-1].flatten(0, 1), batch.labels[:, 1:].flatten(), ignore_index=IGNORED
    )
    torch.testing.assert_close(answer_loss(module.policy, batch), expected)


def test_batches_repeat_from_their_seed():
    tokenizer = SupervisedModule(corpus(), TINY).tokenizer
    batches = SupervisedBatches(corpus().load(), [stage()], 3, tokenizer)
    assert len(batches) == len(list(batches)) == 4
    pairs = zip(batches, batches, strict=True)
    assert all(torch.equal(a.input_ids, b.input_ids) for a, b in pairs)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"worked": 1.0}, {"3+4=7\\boxed{7}"}),
        ({"worked": 0.0, "direct": 1.0}, {"\\boxed{7}"}),
        ({"worked": 0.0, "unboxed": 1.0}, {"3+4=7", "7"}),
    ],
)
def test_styles(shares: dict[str, float], expected: set[str]):
    rng = random.Random(0)
    assert {draw_answer(PROBLEM, stage(**shares), rng) for _ in range(50)} == expected


def test_without_a_solution_the_answer_is_direct():
    problem = Problem(id="b", prompt="?", answer="5")
    assert draw_answer(problem, stage(), random.Random(0)) == "\\boxed{5}"


@pytest.mark.parametrize("changes", [{"worked": 0.9}, {"direct": -0.5, "unboxed": 0.5}])
def test_shares_must_be_shares(changes: dict[str, float]):
    with pytest.raises(ValueError, match="must be >= 0 and sum to 1"):
        stage(**changes)


def test_a_stage_needs_steps():
    with pytest.raises(ValueError, match="stage skill: steps must be >= 1"):
        stage(steps=0)


def test_stages_are_needed():
    with pytest.raises(ValueError, match="at least one"):
        WorkedSolutionsDataModule(corpus(), [])
