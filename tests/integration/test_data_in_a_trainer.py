"""What a real Trainer sees of the data: after a resume, over two ranks, between epochs."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from limr.data import Benchmark, MathDataModule, PlainTemplate
from limr.data.sources import ProblemSource
from limr.models.tiny import build_tokenizer
from limr.training.checkpoint import RunCheckpoint
from limr.training.settling import settle_epoch
from limr.types import Problem, Sampling

pytestmark = [
    pytest.mark.integration,
    # Which weights a checkpoint holds does not matter here, nor that resumed runs add their own.
    pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed from"),
]


class Numbered(ProblemSource):
    def __init__(self, n):
        self.n = n

    def load(self):
        return [Problem(id=f"p{i}", prompt="x" * (i % 4 + 1), answer="1") for i in range(self.n)]


class Witness(LightningModule):
    """Notes the problems of every batch; `early` asks for the loader before a resume reaches it."""

    def __init__(self, folder, early=False):
        super().__init__()
        self.automatic_optimization = False
        self.folder = Path(folder)
        self.early = early
        self.tokenizer = build_tokenizer(["1"], 262)
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []
        self.counts = []
        self.begun = []
        self.validated = []

    def configure_optimizers(self):
        if self.early:
            assert self.trainer.estimated_stepping_batches > 0
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch, batch_idx):
        self.manual_backward(self.weight * 1.0)
        self.optimizers().step()
        self.seen.append([batch.epoch, [p.id for p in batch.problems]])
        loop = self.trainer.fit_loop.epoch_loop
        self.counts.append((self.current_epoch, loop.total_batch_idx, loop._batches_that_stepped))

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.validated.append([batch.benchmark, [p.id for p in batch.problems]])

    def on_train_epoch_start(self):
        self.begun.append(self.current_epoch)

    def on_load_checkpoint(self, checkpoint):
        settle_epoch(checkpoint, self.trainer)

    def on_fit_end(self):
        path = self.folder / f"rank-{self.global_rank}.json"
        path.write_text(json.dumps([self.seen, self.validated]))


def data(n=10, batch=4, **options):
    benchmark = Benchmark(problems=Numbered(5), sampling=Sampling(temperature=0.0))
    return MathDataModule(
        Numbered(n),
        {"b": benchmark},
        template=PlainTemplate(),
        rollout_batch_size=batch,
        eval_batch_size=2,
        **options,
    )


def fit(folder, *callbacks, early=False, resume=None, datamodule=None, **options):
    options = {"max_epochs": 3, "num_sanity_val_steps": 0, **options}
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **options,
    )
    witness = Witness(folder, early=early)
    trainer.fit(witness, datamodule or data(), ckpt_path=resume)
    return witness


def keep_all(folder, **options):
    return ModelCheckpoint(dirpath=folder, filename="{epoch}-{step}", save_top_k=-1, **options)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(
    "when",
    [
        {"every_n_train_steps": 1},
        {"every_n_epochs": 1, "save_on_train_epoch_end": True},
        {"every_n_epochs": 1, "save_on_train_epoch_end": False},
    ],
    ids=["each_step", "epoch_end", "after_validation"],
)
def test_a_resumed_run_sees_what_the_whole_run_saw(tmp_path, when, early):
    whole = fit(tmp_path, keep_all(tmp_path / "kept", **when), early=early)
    assert [epoch for epoch, _ in whole.seen] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    checkpoints = sorted((tmp_path / "kept").iterdir())
    assert len(checkpoints) == (9 if "every_n_train_steps" in when else 3)
    for path in checkpoints:
        steps = int(path.stem.rpartition("step=")[2])
        again = keep_all(tmp_path / "kept", **when)
        resumed = fit(tmp_path, again, early=early, resume=str(path))
        assert resumed.seen == whole.seen[steps:], path.name


def test_two_ranks_share_each_step_of_one_rank(tmp_path):
    alone = fit(tmp_path, datamodule=data(12))
    fit(tmp_path, datamodule=data(12), strategy="ddp_fork", devices=2)
    ranks = [json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    for (epoch, step), left, right in zip(alone.seen, ranks[0][0], ranks[1][0], strict=True):
        assert left == [epoch, step[0::2]]
        assert right == [epoch, step[1::2]]
    assert len(ranks[0][1]) == len(ranks[1][1])
    validated = [identifier for _, rank in ranks for _, ids in rank for identifier in ids]
    assert Counter(validated) == {f"p{i}": 3 for i in range(5)}


class Choose(Callback):
    """Names the number of problems (p0, p1, ...) to train on after each epoch."""

    def __init__(self, *counts):
        self.counts = counts

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.is_last_batch:
            count = self.counts[trainer.current_epoch]
            trainer.datamodule.train_on(f"p{i}" for i in range(count))


def test_a_selection_changes_the_next_epoch_and_its_validation(tmp_path):
    whole = fit(tmp_path, Choose(5, 10, 3), reload_dataloaders_every_n_epochs=1)
    sizes = [(epoch, len(ids)) for epoch, ids in whole.seen]
    assert sizes == [(0, 4), (0, 4), (0, 2), (1, 4), (1, 1), (2, 4), (2, 4), (2, 2)]
    chosen = [identifier for epoch, ids in whole.seen if epoch == 1 for identifier in ids]
    assert sorted(chosen) == [f"p{i}" for i in range(5)]
    assert len(whole.validated) == 3 * 3


@pytest.mark.parametrize("early", [False, True])
def test_a_selection_survives_a_resume(tmp_path, early):
    options = {"reload_dataloaders_every_n_epochs": 1, "early": early}
    keep = keep_all(tmp_path / "kept", every_n_train_steps=1)
    whole = fit(tmp_path, Choose(7, 3, 3), keep, **options)
    assert [len(ids) for _, ids in whole.seen] == [4, 4, 2, 4, 3, 3]
    checkpoints = list((tmp_path / "kept").iterdir())
    assert len(checkpoints) == 6
    for path in checkpoints:
        steps = int(path.stem.rpartition("step=")[2])
        again = keep_all(tmp_path / "kept", every_n_train_steps=1)
        resumed = fit(tmp_path, Choose(7, 3, 3), again, resume=str(path), **options)
        assert resumed.seen == whole.seen[steps:], path.name


def test_a_selection_without_reloading_is_refused(tmp_path):
    with pytest.raises(ValueError, match="reload_dataloaders_every_n_epochs: 1"):
        fit(tmp_path, Choose(5))


LONGER_AND_SHORTER = {"reload_dataloaders_every_n_epochs": 1}
SAME_LENGTH = {"reload_dataloaders_every_n_epochs": 0}


@pytest.mark.parametrize("validation", [{}, {"limit_val_batches": 0}], ids=["validated", "not"])
@pytest.mark.parametrize("end", [{"max_epochs": 4}, {"max_epochs": -1, "max_steps": 9}], ids=str)
@pytest.mark.parametrize("reload", [LONGER_AND_SHORTER, SAME_LENGTH], ids=["changing", "same"])
@pytest.mark.parametrize(
    "when",
    [{"every_n_train_steps": 1}, {"every_n_epochs": 1, "save_on_train_epoch_end": True}],
    ids=["each_step", "epoch_end"],
)
def test_resumed_twice_from_anywhere_a_run_goes_on_exactly(tmp_path, when, reload, end, validation):
    def run(folder, resume=None):
        chosen = [Choose(5, 10, 3, 10)] if reload is LONGER_AND_SHORTER else []
        options = {**reload, **end, **validation, "resume": resume}
        return fit(tmp_path, *chosen, keep_all(tmp_path / folder, **when), **options)

    whole = run("whole")
    lengths = Counter(epoch for epoch, _ in whole.seen)
    assert [lengths[e] for e in range(3)] == (
        [3, 2, 3] if reload is LONGER_AND_SHORTER else [3] * 3
    )
    for path in (tmp_path / "whole").iterdir():
        once = run(f"from-{path.stem}", path)
        assert_goes_on(once, whole, path)
        kept = tmp_path / f"from-{path.stem}"
        for again in sorted(kept.iterdir(), key=steps_done)[:1] if kept.exists() else []:
            assert_goes_on(run("rest", again), whole, again)


def steps_done(path):
    return int(path.stem.rpartition("step=")[2])


def assert_goes_on(resumed, whole, path):
    steps = steps_done(path)
    assert resumed.seen == whole.seen[steps:], path
    assert resumed.counts == whole.counts[steps:], path
    assert resumed.begun == [e for e in whole.begun if e > whole.counts[steps - 1][0]], path


@pytest.mark.parametrize("at_the_end", [{}, {"limit_val_batches": 0}], ids=["validated", "not"])
def test_a_run_that_max_steps_ended_within_an_epoch_goes_on_there(tmp_path, at_the_end):
    whole = fit(tmp_path, max_epochs=-1, max_steps=8, **at_the_end)
    for steps in range(1, 8):
        folder = tmp_path / f"{steps}"
        fit(folder, RunCheckpoint(), max_epochs=-1, max_steps=steps, **at_the_end)
        options = {"max_epochs": -1, "max_steps": 8, "resume": "last", **at_the_end}
        resumed = fit(folder, RunCheckpoint(), **options)
        assert resumed.seen == whole.seen[steps:]
        assert resumed.counts == whole.counts[steps:]


def test_another_number_of_ranks_in_mid_epoch_visits_every_problem_once(tmp_path):
    epoch = 0
    seen = []
    for ranks, until in ((1, 2), (2, 4), (1, 8)):
        options = {"strategy": "ddp_fork", "devices": 2} if ranks == 2 else {}
        fit(
            *(tmp_path, RunCheckpoint(every_n_steps=1)),
            datamodule=data(24),
            resume="last" if seen else None,
            max_epochs=-1,
            max_steps=until,
            **options,
        )
        parts = [json.loads((tmp_path / f"rank-{r}.json").read_text())[0] for r in range(ranks)]
        seen += [step for steps in zip(*parts, strict=True) for step in steps]
    visits = Counter(identifier for at, ids in seen if at == epoch for identifier in ids)
    assert visits == {f"p{i}": 1 for i in range(24)}
    assert Counter(at for at, _ in seen) == {0: 2 + 2 * 2 + 2, 1: 2}  # steps of 4, or of 2 and 2


@pytest.mark.parametrize("every", [1, 2])
def test_a_run_measured_within_epochs_goes_on_from_any_of_its_checkpoints(tmp_path, every):
    options = {"val_check_interval": 2, "datamodule": data(20)}
    whole = fit(tmp_path / "whole", RunCheckpoint(every_n_steps=every, keep=-1), **options)
    assert len(whole.validated) == 3 * 2 * 3  # epochs, times, batches
    checkpoints = sorted((tmp_path / "whole/checkpoints").glob("step-*.ckpt"))
    assert len(checkpoints) == (16 if every == 1 else 10)
    for path in checkpoints:
        steps = int(path.stem.removeprefix("step-"))
        (folder := tmp_path / path.stem).mkdir()
        resumed = fit(folder, RunCheckpoint(), **{**options, "datamodule": data(20)}, resume=path)
        assert resumed.seen == whole.seen[steps:], path
        assert resumed.counts == whole.counts[steps:], path
        done = steps // 5 * 2 + steps % 5 // 2  # measured after the 2nd and 4th of 5 steps
        assert resumed.validated == whole.validated[3 * done :], path
