"""Losses and gradients that are not finite: told, saved, and stopped or skipped on all ranks."""

import re
from dataclasses import replace

import lightning.pytorch as pl
import pytest
import torch
from test_ppo_module import fit, make_module, weights
from test_supervised_module import corpus, stage

from limr.data.supervised import WorkedSolutionsDataModule
from limr.training.guards import MAX_SKIPS, problem_ids
from limr.training.ppo_module import PPOModule
from limr.training.supervised_module import SupervisedModule

pytestmark = pytest.mark.filterwarnings("ignore:.*no `val_dataloader`")


def poison(module, update, *, rank=0):
    """Makes the advantages of this one update NaN, on one rank."""
    original, count = PPOModule.optimizer_step_on, [0]

    def step(minibatch):
        count[0] += 1
        if count[0] == update and module.global_rank == rank:
            minibatch = replace(minibatch, advantages=minibatch.advantages * float("nan"))
        return original(module, minibatch)

    module.optimizer_step_on = step
    return module


def test_a_run_stops_and_the_batch_is_kept(model_folder, make_prompts, tmp_path):
    module = poison(make_module(model_folder), update=4)  # two updates a step
    with pytest.raises(ValueError, match=r"step 1, update 2: .*not finite") as caught:
        fit(module, make_prompts(3), default_root_dir=tmp_path)
    message = str(caught.value)
    assert "policy/loss and policy/grad_norm not finite" in message
    assert "critic" not in message
    assert "on_nonfinite: skip" in message
    saved = torch.load(re.search(r"is in (\S+\.pt)", message)[1], weights_only=True)
    assert (saved["step"], saved["update"], saved["rank"]) == (1, 2, 0)
    assert len(saved["problem_ids"]) == 8
    assert set(saved["problem_ids"]) <= {"1+2", "2+3", "3+4", "4+5"}
    assert saved["metrics"]["policy/loss"].isnan()
    assert saved["tensors"]["advantages"].isnan().all()
    for prompt, mask, problem in zip(
        saved["tensors"]["prompt_ids"],
        saved["tensors"]["prompt_mask"],
        saved["problem_ids"],
        strict=True,
    ):
        assert module.tokenizer.decode(prompt[mask]) == f"{problem}="


def test_a_skipped_update_changes_no_weight_and_is_counted(model_folder, make_prompts, tmp_path):
    module = poison(make_module(model_folder, on_nonfinite="skip", minibatch_size=16), update=1)
    module.configure_model()
    before = weights(module)
    trainer, history = fit(module, make_prompts(1), default_root_dir=tmp_path)
    after = weights(module)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert history.metrics[0]["guard/skipped_updates"] == 1
    assert "policy/loss" not in history.metrics[0]
    assert trainer.global_step == 0


def test_the_other_updates_of_the_step_are_taken(model_folder, make_prompts, tmp_path):
    module = poison(make_module(model_folder, on_nonfinite="skip"), update=2)
    trainer, history = fit(module, make_prompts(2), default_root_dir=tmp_path)
    assert [m["guard/skipped_updates"] for m in history.metrics] == [1, 0]
    assert all(value == value for value in history.metrics[0].values()), "a metric is NaN"
    assert trainer.global_step == 3
    assert len(list((tmp_path / "nonfinite").iterdir())) == 1


def test_skipping_has_an_end(model_folder, make_prompts, tmp_path):
    module = make_module(model_folder, on_nonfinite="skip")
    module.estimate = lambda experience, rewards: (rewards * float("nan"), rewards)
    with pytest.raises(ValueError, match=f"for the {MAX_SKIPS}th time in a row"):
        fit(module, make_prompts(6), default_root_dir=tmp_path)
    assert len(list((tmp_path / "nonfinite").iterdir())) == MAX_SKIPS == 10


@pytest.mark.integration
def test_one_ranks_batch_is_skipped_by_both(model_folder, make_prompts, tmp_path):
    module = poison(make_module(model_folder, on_nonfinite="skip"), update=1, rank=1)
    options = {"strategy": "ddp_fork", "devices": 2, "default_root_dir": tmp_path}
    fit(module, make_prompts(2), save_to=tmp_path, **options)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(weight.isfinite().all() for weight in first.values())
    kept = sorted(path.name for path in (tmp_path / "nonfinite").iterdir())
    assert kept == [f"step-00000000-update-001-rank-0000{rank}.pt" for rank in (0, 1)]


def test_where_it_cannot_be_saved_the_message_says_so(model_folder, make_prompts, tmp_path):
    (tmp_path / "nonfinite").write_text("a file in the folder's place")
    module = poison(make_module(model_folder), update=1)
    with pytest.raises(ValueError, match=r"update 1: .*could not be saved to .*File exists"):
        fit(module, make_prompts(1), default_root_dir=tmp_path)


def test_supervised_training_stops_too(tmp_path):
    module = SupervisedModule(corpus())
    torch.nn.init.constant_(next(module.policy.parameters()), float("inf"))
    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    data = WorkedSolutionsDataModule(corpus(), [stage()], seed=1)
    with pytest.raises(ValueError, match="step 0, update 1: supervised/loss and") as caught:
        trainer.fit(module, datamodule=data)
    saved = torch.load(re.search(r"is in (\S+\.pt)", str(caught.value))[1], weights_only=True)
    assert set(saved["tensors"]) == {"input_ids", "labels"}
    assert saved["problem_ids"] == []


def test_rows_of_an_earlier_batch_have_no_name(make_prompts):
    earlier, batch = make_prompts(2)
    tensors = {
        name: torch.cat([getattr(batch, name)[:1], getattr(earlier, name)[:1]])
        for name in ("prompt_ids", "prompt_mask")
    }
    assert problem_ids(batch, tensors) == ["1+2", None]
