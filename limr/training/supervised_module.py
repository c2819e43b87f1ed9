"""Supervised training of a tiny base model from nothing; see ``experiments/tiny_base.yaml``."""

from __future__ import annotations

from typing import cast

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.nn import functional as F

from limr.data.sources import ProblemSource
from limr.data.supervised import IGNORED, SupervisedBatch
from limr.models.policy import Policy
from limr.models.tiny import TinyArchitecture, build_model, build_tokenizer
from limr.seeding import derive_seed, run_seed
from limr.training.guards import NonfiniteGuard


class SupervisedModule(LightningModule):
    """A fresh tokenizer and model, trained on answers; the batch brings its learning rate.

    Weight matrices are updated by Muon (https://kellerjordan.github.io/posts/muon), with which this
    arithmetic was learned in fewer steps than with AdamW; embeddings and norms by AdamW.

    Args:
        corpus: The texts from which the tokenizer learns its merges.
        architecture: The model's size.
        muon_ratio: Muon's learning rate over AdamW's.
        max_grad_norm: Gradient norm clip.
    """

    def __init__(
        self,
        corpus: ProblemSource,
        architecture: TinyArchitecture = TinyArchitecture(),  # noqa: B008
        muon_ratio: float = 5.0,
        max_grad_norm: float = 1.0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.muon_ratio = muon_ratio
        self.max_grad_norm = max_grad_norm
        self.guard = NonfiniteGuard("stop")
        texts = [text for p in corpus.load() for text in (p.prompt, p.solution)]
        self.tokenizer = build_tokenizer(texts, architecture.vocab_size)
        seed = derive_seed(run_seed(), "weights")
        self.policy = Policy(build_model(architecture, self.tokenizer, seed))

    def training_step(self, batch: SupervisedBatch, batch_idx: int) -> None:
        """One optimizer step on one batch; a stage's first batch clears the optimizers' memory."""
        loss = answer_loss(self.policy, batch)
        self.manual_backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.guard.begin(batch_idx, batch)
        watched = {"supervised/loss": loss, "supervised/grad_norm": norm}
        self.guard.allows(watched, batch, self.trainer)
        for optimizer in cast(list[torch.optim.Optimizer], self.optimizers()):
            if batch.step == 0:
                optimizer.state.clear()
            for group in optimizer.param_groups:
                group["lr"] = batch.learning_rate * group["lr_ratio"]
            optimizer.step()
            optimizer.zero_grad()
        self.log("supervised/loss", loss.detach(), prog_bar=True, batch_size=len(batch.labels))
        self.log("supervised/lr", batch.learning_rate, batch_size=len(batch.labels))

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Muon for the layers' matrices, AdamW for the rest; rates come with each batch."""
        matrices: list[Tensor] = []
        rest: list[Tensor] = []
        for name, parameter in self.policy.named_parameters():
            (matrices if ".layers." in name and parameter.ndim == 2 else rest).append(parameter)
        muon = [{"params": matrices, "lr_ratio": self.muon_ratio}]
        adamw = [{"params": rest, "lr_ratio": 1.0}]
        return [
            torch.optim.Muon(muon, weight_decay=0.01, momentum=0.95),
            torch.optim.AdamW(adamw, betas=(0.9, 0.98), weight_decay=0.0),
        ]


def answer_loss(policy: Policy, batch: SupervisedBatch) -> Tensor:
    """Mean negative log-probability of the answers' tokens, in nats: a scalar."""
    model = policy.model
    hidden = model.base_model(input_ids=batch.input_ids, use_cache=False).last_hidden_state
    labels = batch.labels[:, 1:]
    learned = labels != IGNORED
    logits = model.get_output_embeddings()(hidden[:, :-1][learned])
    return F.cross_entropy(logits.float(), labels[learned])
