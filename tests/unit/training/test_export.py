"""The export callback writes what transformers reads."""

from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from test_ppo_module import loader, make_module, make_trainer
from transformers import AutoModelForCausalLM, AutoTokenizer

from limr.data.generated import GeneratedProblems
from limr.data.supervised import Stage, WorkedSolutionsDataModule
from limr.models.tiny import TinyArchitecture
from limr.training.export import HuggingFaceExport
from limr.training.supervised_module import SupervisedModule


def test_the_folder_loads_with_identical_logits(tmp_path: Path):
    corpus = GeneratedProblems("warmup", 40)
    size = TinyArchitecture(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    module = SupervisedModule(corpus, size)
    stage = Stage(
        name="s", steps=2, batch_size=4, learning_rate=1e-2, worked=1.0, direct=0.0, unboxed=0.0
    )
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[HuggingFaceExport(str(tmp_path / "model"))],
    )
    trainer.fit(module, datamodule=WorkedSolutionsDataModule(corpus, [stage]))

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    text = "<|user|>27+38=<|assistant|>"
    ids = tokenizer(text, return_tensors="pt").input_ids
    assert torch.equal(ids, module.tokenizer(text, return_tensors="pt").input_ids)
    with torch.no_grad():
        assert torch.equal(model(ids).logits, module.policy.model.eval()(ids).logits)
    assert tokenizer.chat_template == module.tokenizer.chat_template
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


@pytest.mark.filterwarnings("ignore:.*no `val_dataloader`")
def test_a_run_that_goes_on_after_its_last_step_still_exports(tmp_path, make_prompts, model_folder):
    batches = make_prompts(1)
    trainer = make_trainer()
    trainer.fit(make_module(model_folder), loader(batches))
    trainer.save_checkpoint(tmp_path / "last.ckpt")  # killed here
    resumed = make_trainer(HuggingFaceExport(str(tmp_path / "model")))
    module = make_module(model_folder)
    resumed.fit(module, loader(batches), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    for name, weight in module.policy.model.state_dict().items():
        assert torch.equal(exported.state_dict()[name], weight), name
