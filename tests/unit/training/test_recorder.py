"""The recorder in a real Trainer, on a module that answers without a language model."""

from pathlib import Path

import fsspec
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.strategies import SingleDeviceStrategy

from limr.data import Benchmark, MathDataModule, PlainTemplate
from limr.data.sources import ProblemSource
from limr.tables import Columns, read_problem_rows
from limr.tracking import RunLogger
from limr.training.recorder import TrajectoryRecorder, rows_of
from limr.trajectories import TrajectoryWriter, problems_file, read_trajectories
from limr.types import GradedResponses, Problem, Rollout, Sampling, Verdict

SAMPLES = 2
UPDATES = 3


class Six(ProblemSource):
    def load(self):
        return [Problem(id=f"p{i}", prompt=str(i), answer=str(i)) for i in range(6)]


class Parrot(LightningModule):
    """Answers every prompt with itself; three optimizer steps per batch."""

    def __init__(self, tokenizer):
        super().__init__()
        self.automatic_optimization = False
        self.tokenizer = tokenizer
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch, batch_idx):
        assert batch.epoch == self.current_epoch
        for _ in range(UPDATES):
            self.manual_backward(self.weight * 1.0)
            self.optimizers().step()
        batch = batch.repeat(SAMPLES)
        rows = len(batch.problems)
        empty = torch.zeros(rows, 1)
        graded = GradedResponses(
            problems=batch.problems,
            responses=tuple(p.prompt for p in batch.problems),
            verdicts=tuple(
                Verdict(status="correct", score=1.0, answer=p.answer) for p in batch.problems
            ),
            lengths=tuple(range(rows)),
            truncated=tuple(i == 0 for i in range(rows)),
            samples_per_prompt=SAMPLES,
        )
        rollout = Rollout(
            graded=graded,
            prompt_ids=batch.prompt_ids,
            prompt_mask=batch.prompt_mask,
            response_ids=empty.long(),
            response_mask=empty.bool(),
            logprobs=empty,
            ref_logprobs=empty,
            values=empty,
            scores=empty[:, 0],
        )
        return {"rollout": rollout}

    def validation_step(self, batch, batch_idx):
        raise AssertionError("nothing is measured here")


def fit(
    tmp_path,
    tokenizer,
    *,
    epochs=2,
    resume=None,
    checkpoint=None,
    logger=False,
    strategy="auto",
    benchmarks=None,
    **options,
):
    recorder = TrajectoryRecorder(**options)
    trainer = Trainer(
        max_epochs=epochs,
        limit_val_batches=1 if benchmarks else 0,
        log_every_n_steps=1,
        accelerator="cpu",
        strategy=strategy,
        logger=logger,
        callbacks=[recorder, *([checkpoint] if checkpoint else [])],
        enable_checkpointing=checkpoint is not None,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    data = MathDataModule(Six(), benchmarks, PlainTemplate(), rollout_batch_size=3)
    trainer.fit(Parrot(tokenizer), data, ckpt_path=resume)
    return trainer


def columns(tmp_path, *names):
    table = read_trajectories(tmp_path / "trajectories")
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def test_every_response_is_a_row_under_its_epoch_step_and_policy(tmp_path, tokenizer):
    fit(tmp_path, tokenizer)
    keys = columns(tmp_path, "epoch", "step", "policy_version")
    # Two steps of 3 prompts x 2 samples an epoch; the sampling policy is the one before updates.
    assert keys == [
        (e, 2 * e + s, UPDATES * (2 * e + s)) for e in (0, 1) for s in (0, 1) for _ in range(6)
    ]
    rows = columns(tmp_path, "epoch", "problem_id", "sample", "answer", "response")
    assert sorted(rows) == [
        (e, f"p{i}", s, str(i), str(i)) for e in (0, 1) for i in range(6) for s in (0, 1)
    ]


def asked(folder):
    return [row.id for row in read_problem_rows(problems_file(folder), Columns())]


def test_what_was_asked_is_told_beside_the_rows(tmp_path, tokenizer, memory_url):
    for folder in (None, f"{memory_url}/store"):
        fit(tmp_path, tokenizer, epochs=1, dirpath=folder)
        assert asked(folder or tmp_path / "trajectories") == [f"p{i}" for i in range(6)]


def test_data_that_does_not_tell_its_problems_leaves_no_file(tmp_path, tokenizer, monkeypatch):
    monkeypatch.delattr(MathDataModule, "problems")
    fit(tmp_path, tokenizer, epochs=1)
    assert problems_file(tmp_path / "trajectories") is None
    assert len(columns(tmp_path, "problem_id")) == 12


def test_texts_are_left_out_on_request(tmp_path, tokenizer):
    fit(tmp_path, tokenizer, epochs=1, save_responses=False)
    assert set(columns(tmp_path, "response")) == {(None,)}


@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_resumed_run_records_each_step_once(tmp_path, tokenizer):
    def keep_every_step():
        return ModelCheckpoint(
            dirpath=tmp_path / "checkpoints",
            filename="{step}",
            save_top_k=-1,
            every_n_train_steps=UPDATES,
        )

    fit(tmp_path, tokenizer, checkpoint=keep_every_step())
    names = ("epoch", "step", "policy_version", "problem_id", "sample", "response_length")
    whole = columns(tmp_path, *names)
    checkpoints = sorted((tmp_path / "checkpoints").iterdir())
    assert len(checkpoints) == 4
    # Rows of an abandoned continuation, also by a rank that no longer exists.
    leftovers = TrajectoryWriter(tmp_path / "trajectories", "")
    for checkpoint in checkpoints:
        leftovers.append([], epoch=9, step=99, rank=7)
        fit(tmp_path, tokenizer, resume=str(checkpoint), checkpoint=keep_every_step())
        assert columns(tmp_path, *names) == whole
        assert len(list((tmp_path / "trajectories").glob("*.parquet"))) == 4
        assert asked(tmp_path / "trajectories") == [f"p{i}" for i in range(6)]


@pytest.fixture
def memory_url(tmp_path):
    yield f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").rm(tmp_path.name, recursive=True)


@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("crash_in", ["write", "next step"])
@pytest.mark.parametrize("place", ["disk", "memory"])
def test_after_a_crash_no_row_is_missing_or_double(
    tmp_path, tokenizer, memory_url, monkeypatch, place, crash_in
):
    """The last checkpoint lies a step behind what is recorded when the machine stops."""
    keys = ("epoch", "step", "policy_version", "problem_id", "sample")

    def run(name, folder, **options):
        checkpoint = ModelCheckpoint(
            dirpath=tmp_path / name, save_top_k=1, every_n_train_steps=2 * UPDATES, filename="two"
        )
        fit(tmp_path / name, tokenizer, epochs=3, checkpoint=checkpoint, dirpath=folder, **options)

    run("whole", f"{memory_url}/whole")
    whole = read_trajectories(f"{memory_url}/whole", keys).to_pylist()
    folder = str(tmp_path / "store") if place == "disk" else f"{memory_url}/store"
    append, steps = TrajectoryWriter.append, iter(range(4))

    def cut_short(*_, **__):
        raise KeyboardInterrupt

    def append_until_the_crash(writer, *args, **kwargs):
        if next(steps) < 3:
            return append(writer, *args, **kwargs)
        if crash_in == "next step":
            append(writer, *args, **kwargs)
            raise KeyboardInterrupt
        monkeypatch.setattr(Path, "replace", cut_short)
        monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", cut_short)
        return append(writer, *args, **kwargs)

    monkeypatch.setattr(TrajectoryWriter, "append", append_until_the_crash)
    with pytest.raises(SystemExit):
        run("cut", folder)
    monkeypatch.undo()
    assert len(read_trajectories(folder, keys)) == 6 * (3 if crash_in == "write" else 4)
    run("cut", folder, resume=str(tmp_path / "cut" / "two.ckpt"))
    assert read_trajectories(folder, keys).to_pylist() == whole


def test_mlflow_is_told_where_the_store_lies_and_gets_a_copy_on_request(
    tmp_path, tokenizer, memory_url, mlflow_uri
):
    runs = {}
    for upload in (False, True):
        logger = RunLogger(
            experiment_name=tmp_path.name,
            tracking_uri=mlflow_uri,
            artifact_location=str(tmp_path / "artifacts"),
        )
        folder = f"{memory_url}/{upload}"
        fit(tmp_path, tokenizer, epochs=1, logger=logger, dirpath=folder, upload=upload)
        tags = logger.experiment.get_run(logger.run_id).data.tags
        assert tags["trajectories"] == f"memory:///{tmp_path.name}/{upload}"
        runs[upload] = tmp_path / "artifacts" / logger.run_id / "artifacts" / "trajectories"
    assert not runs[False].exists()
    assert asked(runs[True]) == [f"p{i}" for i in range(6)]
    assert read_trajectories(runs[True]).equals(read_trajectories(f"{memory_url}/True"))


@pytest.mark.parametrize("named", [True, False])
def test_a_new_run_in_a_used_folder_is_refused_before_anything_is_written(
    tmp_path, tokenizer, named
):
    def logger(version):
        return CSVLogger(tmp_path / "csv", version=version) if named else False

    fit(tmp_path, tokenizer, epochs=1, logger=logger("first"))
    before = columns(tmp_path, "run_id", "step", "problem_id")
    benchmarks = {"six": Benchmark(problems=Six(), sampling=Sampling())}  # never measured
    with pytest.raises(ValueError, match=r"an earlier run \(.+\); set another trainer\.def"):
        fit(tmp_path, tokenizer, epochs=1, logger=logger("second"), benchmarks=benchmarks)
    assert columns(tmp_path, "run_id", "step", "problem_id") == before


class RestoresLate(SingleDeviceStrategy):
    """Restores a checkpoint after `on_fit_start`, as FSDP does."""

    @property
    def restore_checkpoint_after_setup(self):
        return True


def keep_last(folder):
    return ModelCheckpoint(
        dirpath=folder, save_last=True, save_top_k=0, enable_version_counter=False
    )


@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_a_resumed_run_goes_on_under_the_id_it_began_with(tmp_path, tokenizer, late, named):
    def run(version, **options):
        logger = CSVLogger(tmp_path / "csv", version=version) if named else False
        strategy = RestoresLate("cpu") if late else "auto"
        checkpoint = keep_last(tmp_path / "checkpoints")
        fit(
            *(tmp_path, tokenizer),
            logger=logger,
            strategy=strategy,
            checkpoint=checkpoint,
            **options,
        )

    run("first", epochs=1)
    run("second", resume=str(tmp_path / "checkpoints" / "last.ckpt"))
    rows = columns(tmp_path, "run_id", "epoch")
    assert [epoch for _, epoch in rows] == [0] * 12 + [1] * 12
    (run_id,) = {run_id for run_id, _ in rows}
    assert run_id == "first" if named else run_id


@pytest.mark.filterwarnings("ignore:Using ModelCheckpoint with manual optimization")
@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_checkpoint_does_not_go_on_among_another_runs_rows(tmp_path, tokenizer):
    kept = {name: tmp_path / name / "checkpoints" for name in "ab"}
    for name, folder in kept.items():
        fit(tmp_path / name, tokenizer, checkpoint=keep_last(folder))
    before = columns(tmp_path / "a", "run_id", "step")
    with pytest.raises(ValueError, match="a/trajectories holds the trajectories of an earlier run"):
        fit(
            *(tmp_path / "a", tokenizer),
            epochs=3,
            resume=kept["b"] / "last.ckpt",
            checkpoint=keep_last(kept["b"]),
        )
    assert columns(tmp_path / "a", "run_id", "step") == before


def test_rows_number_a_problems_samples():
    problems = [Problem(id=i, prompt="?", answer="1") for i in "ab"]
    graded = GradedResponses(
        problems=tuple(p for p in problems for _ in range(2)),
        responses=("w", "x", "y", "z"),
        verdicts=(
            Verdict(status="correct", score=1.0, answer="1"),
            Verdict(status="wrong", score=-0.5, answer="2", reason="not equal"),
            Verdict(status="malformed", score=-1.0),
            Verdict(status="timeout", score=-1.0),
        ),
        lengths=(1, 2, 3, 4),
        truncated=(False, False, True, False),
        samples_per_prompt=2,
    )
    rows = rows_of(graded, 8, save_responses=True)
    assert [(r.problem_id, r.sample, r.status) for r in rows] == [
        ("a", 0, "correct"),
        ("a", 1, "wrong"),
        ("b", 0, "malformed"),
        ("b", 1, "timeout"),
    ]
    assert [r.score for r in rows] == [1.0, -0.5, -1.0, -1.0]
    assert [(r.answer, r.response, r.response_length, r.truncated) for r in rows] == [
        ("1", "w", 1, False),
        ("2", "x", 2, False),
        (None, "y", 3, True),
        (None, "z", 4, False),
    ]
    assert [r.reason for r in rows] == [None, "not equal", None, None]
    assert {r.policy_version for r in rows} == {8}
