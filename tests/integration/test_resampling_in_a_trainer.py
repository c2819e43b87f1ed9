"""Resampling in a real Trainer: what is chosen, by one rank or two, interrupted or not."""

import csv
import hashlib
import json
import shutil

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from limr.data import Benchmark, MathDataModule, PlainTemplate, Resampling
from limr.data.sources import ProblemSource
from limr.models.tiny import build_tokenizer
from limr.selection import Variance
from limr.selection.scores import random_scores
from limr.training import TrajectoryRecorder
from limr.training.settling import settle_epoch
from limr.types import GradedResponses, Problem, Rollout, Sampling, Verdict

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed from"),
]

PROBLEMS, BATCH, SAMPLES = 24, 4, 4
BY_THRESHOLD = {
    "selector": Variance(),
    "threshold": 0.1,
    "warmup_epochs": 2,
    "every_n_epochs": 2,
    "exploration": 0.2,
}
BY_SHARE = {"fraction": 0.25, "exploration": 0.2}  # 6 selected, 4 of 18 explored, 2 more to fill


class Numbered(ProblemSource):
    def load(self):
        return [Problem(id=f"p{i:02}", prompt="x", answer="1") for i in range(PROBLEMS)]


class Luck(LightningModule):
    """Solves what a hash of problem, epoch and sample says; later problems are the easier ones.

    `early` asks for the loader before a resume reaches it.
    """

    def __init__(self, early):
        super().__init__()
        self.early = early
        self.automatic_optimization = False
        self.tokenizer = build_tokenizer(["1"], 262)
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def configure_optimizers(self):
        if self.early:
            assert self.trainer.estimated_stepping_batches > 0
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def on_load_checkpoint(self, checkpoint):
        settle_epoch(checkpoint, self.trainer)

    def training_step(self, batch, batch_idx):
        self.manual_backward(self.weight * 1.0)
        self.optimizers().step()
        self.seen.append([batch.epoch, [p.id for p in batch.problems]])
        batch = batch.repeat(SAMPLES)
        rows = range(len(batch.problems))
        solved = [self.solves(batch.problems[i].id, batch.epoch, i % SAMPLES) for i in rows]
        verdicts = [Verdict(status="correct" if s else "wrong", score=float(s)) for s in solved]
        empty = torch.zeros(len(rows), 1)
        tokens = {"prompt_ids": batch.prompt_ids, "prompt_mask": batch.prompt_mask}
        return {
            "rollout": Rollout(
                graded=GradedResponses(
                    problems=batch.problems,
                    responses=tuple("" for _ in rows),
                    verdicts=tuple(verdicts),
                    lengths=tuple(1 for _ in rows),
                    truncated=tuple(False for _ in rows),
                    samples_per_prompt=SAMPLES,
                ),
                **tokens,
                response_ids=empty.long(),
                response_mask=empty.bool(),
                logprobs=empty,
                ref_logprobs=empty,
                values=empty,
                scores=empty[:, 0],
            )
        }

    def solves(self, problem, epoch, sample):
        draw = hashlib.sha256(f"{problem} {epoch} {sample}".encode()).digest()[0] / 256
        return draw < (int(problem[1:]) + 3 * epoch) / PROBLEMS

    def validation_step(self, batch, batch_idx):
        pass


def keep_all(folder, **when):
    return ModelCheckpoint(dirpath=folder, filename="{epoch}-{step}", save_top_k=-1, **when)


def datamodule(rule):
    benchmark = Benchmark(problems=Numbered(), sampling=Sampling(temperature=0.0))
    return MathDataModule(
        Numbered(),
        {"b": benchmark},
        template=PlainTemplate(),
        rollout_batch_size=BATCH,
        resampling=Resampling(**rule),
        seed=0,
    )


def fit(
    folder,
    rule=None,
    *callbacks,
    data=None,
    resume=None,
    early=False,
    logger=False,
    recorded_in=None,
    **options,
):
    options = {"max_epochs": 6, "reload_dataloaders_every_n_epochs": 1, **options}
    trainer = Trainer(
        accelerator="cpu",
        logger=logger,
        log_every_n_steps=1,
        callbacks=[TrajectoryRecorder(recorded_in), *callbacks],
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
        **options,
    )
    luck = Luck(early)
    trainer.fit(luck, data or datamodule(rule), ckpt_path=resume)
    return luck


def choices(folder):
    """The content of each epoch's file, by epoch."""
    found = [json.loads(path.read_text()) for path in (folder / "selections").iterdir()]
    return {choice["epoch"]: choice for choice in found}


def visited(seen, epoch):
    return sorted(i for e, ids in seen if e == epoch for i in ids)


def test_epochs_visit_the_selected_and_in_turn_the_others(tmp_path):
    luck = fit(tmp_path, BY_SHARE)
    ids = [problem.id for problem in Numbered().load()]
    ties = dict(zip(ids, random_scores(ids, 0), strict=True))
    assert visited(luck.seen, 0) == ids
    found = choices(tmp_path)
    assert sorted(found) == [1, 2, 3, 4, 5]
    for epoch, choice in found.items():
        assert visited(luck.seen, epoch) == sorted([*choice["selected"], *choice["explored"]])
        assert (len(choice["selected"]), len(choice["explored"])) == (6, 6)
        best = sorted(ids, key=lambda i: (-choice["scores"][i], ties[i]))[:6]
        assert choice["selected"] == sorted(best)
    assert len({tuple(choice["selected"]) for choice in found.values()}) > 1
    assert {i for choice in found.values() for i in choice["explored"]} > {ids[0], ids[-1]}


def test_a_selection_holds_for_its_epochs_while_the_others_take_turns(tmp_path):
    fit(tmp_path, BY_THRESHOLD)
    found = choices(tmp_path)
    assert sorted(found) == [2, 3, 4, 5]
    assert [e for e, choice in found.items() if "scores" in choice] in ([2, 4], [4, 2])
    for first in (2, 4):
        assert found[first]["selected"] == found[first + 1]["selected"]
        above = {i for i, score in found[first]["scores"].items() if (score or 0) >= 0.1}
        assert set(found[first]["selected"]) == above
        assert not {*found[first]["explored"]} & {*found[first + 1]["explored"]}


EACH_STEP = {"every_n_train_steps": 1}
EPOCH_END = {"every_n_epochs": 1, "save_on_train_epoch_end": True}
AFTER_VALIDATION = {"every_n_epochs": 1, "save_on_train_epoch_end": False}
NOT_VALIDATED = {"limit_val_batches": 0}


@pytest.mark.parametrize(
    "end",
    [{}, {"early": True}, {"max_epochs": -1, "max_steps": 26}],
    ids=["epochs", "epochs-early", "steps"],
)
@pytest.mark.parametrize("rule", [BY_THRESHOLD, BY_SHARE], ids=["threshold", "share"])
@pytest.mark.parametrize(
    ("when", "validation"),
    [
        (EACH_STEP, {}),
        (EACH_STEP, NOT_VALIDATED),
        (EPOCH_END, {}),
        (EPOCH_END, NOT_VALIDATED),
        (AFTER_VALIDATION, {}),
    ],
    ids=["step", "step-unvalidated", "epoch_end", "epoch_end-unvalidated", "after_validation"],
)
def test_a_run_killed_after_its_checkpoint_chooses_as_the_whole_one(
    tmp_path, when, validation, rule, end
):
    options = {**end, **validation}
    whole = fit(tmp_path / "run", rule, keep_all(tmp_path / "run/kept", **when), **options)
    chosen = choices(tmp_path / "run")
    epochs = [epoch for epoch, _ in whole.seen]
    if rule is BY_THRESHOLD:  # epochs get shorter, and longer again
        assert any(epochs.count(e) < epochs.count(e + 1) for e in range(5))
    last = {step for step in range(1, len(epochs)) if epochs[step] != epochs[step - 1]}
    for path in (tmp_path / "run/kept").iterdir():
        if (step := steps_done(path)) in last or step - 1 in last:
            copy = shutil.copytree(tmp_path / "run", tmp_path / f"killed-{step}")
            again = keep_all(copy / "kept", **when)
            resumed = fit(copy, rule, again, resume=str(copy / "kept" / path.name), **options)
            assert resumed.seen == whole.seen[step:], path.name
            assert choices(copy) == chosen, path.name


def steps_done(path):
    return int(path.stem.rpartition("step=")[2])


def test_two_ranks_choose_what_one_does(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    ranks = {"strategy": "ddp_fork", "devices": 2, "limit_val_batches": 0}
    whole = fit(tmp_path / "one", BY_SHARE, limit_val_batches=0)
    fit(tmp_path / "two", BY_SHARE, Note(tmp_path), keep_all(tmp_path / "kept"), **ranks)
    assert choices(tmp_path / "two") == choices(tmp_path / "one")
    seen = [json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    for (epoch, ids), left, right in zip(whole.seen, *seen, strict=True):
        assert (left, right) == ([epoch, ids[0::2]], [epoch, ids[1::2]])


class Note(Callback):
    """What each rank has seen, in a file."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_end(self, trainer, pl_module):
        path = self.folder / f"rank-{trainer.global_rank}.json"
        path.write_text(json.dumps(pl_module.seen))


def test_sizes_and_overlap_are_logged_at_the_epochs_first_step(tmp_path):
    fit(tmp_path, {**BY_SHARE, "every_n_epochs": 2}, logger=CSVLogger(tmp_path, "csv"))
    with (tmp_path / "csv/version_0/metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["data/problems"]]
    found = choices(tmp_path)
    assert [int(row["step"]) for row in rows] == [6, 9, 12, 15, 18]  # 6 steps, then 3 an epoch
    for epoch, row in enumerate(rows, start=1):
        sizes = [float(row[f"data/{name}"]) for name in ("problems", "selected", "explored")]
        assert sizes == [12, 6, 6]
        assert bool(row["data/lowest_score"]) == ("scores" in found[epoch]) == (epoch in (1, 3, 5))
        assert bool(row["data/overlap"]) == (epoch in (3, 5))
    shared = {*found[3]["selected"]} & {*found[1]["selected"]}
    assert float(rows[2]["data/overlap"]) == len(shared) / 6
    lowest = min(found[3]["scores"][i] for i in found[3]["selected"])
    assert float(rows[2]["data/lowest_score"]) == pytest.approx(lowest)


def test_trajectories_may_lie_elsewhere(tmp_path):
    (tmp_path / "beside").mkdir()
    fit(tmp_path, BY_SHARE)
    url = f"memory://{tmp_path.name}/trajectories"
    fit(tmp_path / "beside", {**BY_SHARE, "trajectories": url}, recorded_in=url)
    assert choices(tmp_path / "beside") == choices(tmp_path)
    assert not (tmp_path / "beside/trajectories").exists()


def test_a_second_fit_begins_anew(tmp_path):
    data = datamodule(BY_SHARE)
    first = fit(tmp_path / "first", data=data)
    assert fit(tmp_path / "second", data=data).seen == first.seen
    assert choices(tmp_path / "second") == choices(tmp_path / "first")


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (
            BY_SHARE,
            {"reload_dataloaders_every_n_epochs": 0},
            "reload_dataloaders_every_n_epochs: 1",
        ),
        ({**BY_SHARE, "trajectories": "elsewhere"}, {}, "trajectories in elsewhere, but they are"),
        ({"top_k": 25}, {}, "top_k 25 is more than the 24 problems"),
        ({"threshold": 1.1}, {}, r"{'threshold': 1.1} selects no problem for epoch 1, the highest"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path, rule, options, message):
    with pytest.raises(ValueError, match=message):
        fit(tmp_path, rule, **options)


def test_train_on_beside_resampling_is_refused(tmp_path):
    class Choose(Callback):
        def on_train_start(self, trainer, pl_module):
            trainer.datamodule.train_on(["p00"])

    with pytest.raises(ValueError, match="train_on and resampling both choose"):
        fit(tmp_path, BY_SHARE, Choose())
