"""Two training steps on two processes under one strategy, then checkpoints and the logits.

python export_run.py ddp|fsdp2|zero2|zero3 MODEL FOLDER
"""

import sys
from functools import partial
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from limr.models import Policy, Pretrained, load_tokenizer
from limr.models.loading import load_causal_lm
from limr.training.export import HuggingFaceExport
from limr.training.placement import FSDP2, placed

IDS = torch.tensor([[5, 3, 8, 1], [2, 2, 7, 4]])


class Toy(LightningModule):
    """A policy with tied embeddings beside a part that no export may contain."""

    def __init__(self, name):
        super().__init__()
        self.automatic_optimization = False
        self.pretrained = Pretrained(name=name)
        self.tokenizer = load_tokenizer(self.pretrained)
        self.critic = nn.Linear(4, 4)

    def configure_model(self):
        if not hasattr(self, "policy"):
            load = partial(load_causal_lm, self.pretrained)
            self.policy = Policy(placed(load, self.trainer)).train()

    def forward(self, ids):
        return self.policy.model(input_ids=ids, use_cache=False).logits

    def training_step(self, batch, batch_idx):
        loss = self(batch).logsumexp(-1).mean() + self.critic(torch.ones(4)).square().sum()
        self.manual_backward(loss)
        self.optimizers().step()
        self.optimizers().zero_grad()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-2)

    def on_save_checkpoint(self, checkpoint):
        checkpoint["pretrained"] = {"name": self.pretrained.name, "revision": None}


class Saves(Callback):
    """The logits of the trained policy, and a checkpoint in each form that the strategy has."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_end(self, trainer, pl_module):
        with torch.no_grad():
            logits = pl_module.eval()(IDS)
        if trainer.is_global_zero:
            torch.save(logits, self.folder / "logits.pt")
        trainer.save_checkpoint(self.folder / "first.ckpt")
        if isinstance(trainer.strategy, FSDP2):
            trainer.strategy._save_distributed_checkpoint = True
            trainer.save_checkpoint(self.folder / "shares.ckpt")


def strategy(name):
    if name == "ddp":
        return DDPStrategy(process_group_backend="gloo")
    if name == "fsdp2":
        return FSDP2(save_distributed_checkpoint=False)
    from limr.training.deepspeed import DeepSpeed

    config = {
        "zero_allow_untested_optimizer": True,
        "train_micro_batch_size_per_gpu": 1,
        "zero_optimization": {"stage": int(name[-1]), "stage3_param_persistence_threshold": 0},
    }
    return DeepSpeed(config=config, process_group_backend="gloo")


if __name__ == "__main__":
    name, model, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    torch.manual_seed(3)
    trainer = Trainer(
        accelerator="cpu",
        devices=2,
        strategy=strategy(name),
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Saves(folder), HuggingFaceExport(str(folder / "at-the-end"))],
    )
    trainer.fit(Toy(model), torch.utils.data.DataLoader(IDS.repeat(2, 1), batch_size=1))
