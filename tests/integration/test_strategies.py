"""Every strategy trains the same policy on the same problems, each in processes of its own."""

import csv
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

pytestmark = pytest.mark.integration

EXPERIMENTS = Path(__file__).parents[2] / "experiments"

SHORT = {
    "data": {
        "init_args": {
            "problems": {"init_args": {"size": 96}},
            "benchmarks": {
                "validation": {"problems": {"init_args": {"size": 16}}},
                "unseen": {"problems": {"init_args": {"size": 8}}},
            },
        },
    },
    "trainer": {
        "max_epochs": 1,
        "num_sanity_val_steps": 0,
        "accelerator": "cpu",
        "callbacks": [
            {"class_path": "limr.training.TrajectoryRecorder"},
            {"class_path": "limr.training.HuggingFaceExport"},
            {"class_path": "limr.training.RunCheckpoint"},
        ],
    },
}
"""Three rollouts of the quickstart, and a validation."""

needs_deepspeed = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("deepspeed") is None, reason="make test-deepspeed installs it"),
]


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Trains by an overlay of experiments/trainer, once per overlay and flags."""
    done = {}

    def run(overlay, *flags):
        if (overlay, flags) not in done:
            done[overlay, flags] = tmp_path_factory.mktemp(overlay)
            fit(done[overlay, flags], overlay, *flags)
        return done[overlay, flags]

    return run


def fit(folder, overlay, *flags):
    (folder / "short.yaml").write_text(yaml.safe_dump(SHORT))
    logger = ["--trainer.logger", "lightning.pytorch.loggers.CSVLogger"]
    logger += ["--trainer.logger.save_dir", folder, "--trainer.logger.name", "log"]
    limr(
        ["fit", "--config", EXPERIMENTS / "quickstart.yaml"],
        ["--config", EXPERIMENTS / "trainer" / f"{overlay}.yaml"],
        ["--config", folder / "short.yaml", "--trainer.default_root_dir", folder],
        [*logger, *flags],
    )


def limr(*args):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu"}
    command = [sys.executable, "-m", "limr", *(str(arg) for part in args for arg in part)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def metrics(folder):
    with (folder / "log" / "version_0" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [{k: float(v) for k, v in row.items() if v and k[:5] != "time/"} for row in rows]


def responses(folder):
    files = sorted((folder / "trajectories").glob("*.parquet"))
    columns = ["step", "problem_id", "sample", "response"]
    rows = [row for file in files for row in pq.read_table(file, columns=columns).to_pylist()]
    return sorted(tuple(row.values()) for row in rows)


@pytest.mark.parametrize("overlay", ["ddp", "fsdp2"])
def test_two_ranks_train_as_one_process_does(train, overlay):
    alone, ranks = train("one_cpu"), train(overlay)
    assert len(responses(alone)) == 96 * 8
    assert responses(ranks) == responses(alone)
    rows = list(zip(metrics(alone), metrics(ranks), strict=True))
    assert len(rows) == 4  # three steps and the validation
    for one, two in rows:
        assert one.keys() == two.keys()
        spent = {name for name in one if name.startswith("progress/")}
        assert {name: two[name] for name in spent} == {name: one[name] for name in spent}
        for name in one:
            # what counts clipped values jumps where one is just at the edge
            close = 3e-3 if name.endswith("clip_fraction") else 1e-5
            assert two[name] == pytest.approx(one[name], abs=close), name


@pytest.mark.slow
def test_the_number_of_processes_may_change_in_mid_epoch(train, tmp_path):
    save = {"every_n_steps": 1, "keep": -1}
    keep = [{"class_path": "limr.training.RunCheckpoint", "init_args": save}]
    keep += SHORT["trainer"]["callbacks"][:1]
    (tmp_path / "keep.yaml").write_text(yaml.safe_dump({"trainer": {"callbacks": keep}}))
    flags = ["--config", tmp_path / "keep.yaml", "--ckpt_path"]
    fit(tmp_path, "one_cpu", *flags, "last")
    for step, overlay in ((1, "ddp"), (2, "one_cpu")):
        fit(tmp_path, overlay, *flags, tmp_path / f"checkpoints/step-{step:08}.ckpt")
    whole = [row[:3] for row in responses(train("one_cpu"))]
    assert [row[:3] for row in responses(tmp_path)] == whole


@pytest.mark.parametrize(
    ("overlay", "flags"),
    [
        ("one_cpu", ()),
        ("ddp", ()),
        ("fsdp2", ()),
        pytest.param(
            "fsdp2",
            ("--trainer.strategy.save_distributed_checkpoint", "false"),
            marks=pytest.mark.slow,
        ),
        pytest.param("zero2", (), marks=needs_deepspeed),
        pytest.param("zero3_offload", (), marks=needs_deepspeed),
    ],
)
def test_the_checkpoint_of_every_strategy_exports_to_the_model_that_was_trained(
    train, tmp_path, overlay, flags
):
    folder = train(overlay, *flags)
    checkpoint = folder / "checkpoints" / "last.ckpt"
    limr(["export", "--ckpt_path", checkpoint, "--output", tmp_path / "exported"])
    for file in (folder / "model").iterdir():
        assert file.read_bytes() == (tmp_path / "exported" / file.name).read_bytes(), file.name


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
@pytest.mark.parametrize("overlay", ["one_cpu", "ddp", "fsdp2"])
@pytest.mark.slow
def test_half_precision_stays_near_single_precision(train, overlay, precision):
    exact, rounded = (
        metrics(train("one_cpu")),
        metrics(train(overlay, "--trainer.precision", precision)),
    )
    for one, two in zip(exact, rounded, strict=True):
        assert two["policy/entropy"] == pytest.approx(one["policy/entropy"], abs=0.05)
        assert two["reward/score_mean"] == pytest.approx(one["reward/score_mean"], abs=0.1)
        assert abs(two["policy/kl"] - one["policy/kl"]) < 0.01


@pytest.mark.parametrize(
    "overlay",
    [pytest.param(name, marks=needs_deepspeed) for name in ("zero2", "zero3_offload")],
)
def test_deepspeed_draws_the_same_responses_and_differs_by_its_one_gradient_norm(train, overlay):
    alone, ranks = train("one_cpu"), train(overlay)
    first = [row for row in responses(alone) if row[0] == 0]
    assert [row for row in responses(ranks) if row[0] == 0] == first
    assert {r[:3] for r in responses(ranks)} == {r[:3] for r in responses(alone)}
    one, two = metrics(alone)[0], metrics(ranks)[0]
    for name in ("policy/loss", "critic/loss", "policy/kl", "policy/entropy"):
        assert two[name] == pytest.approx(one[name], abs=1e-5), name
    # policy and critic clipped together: the norm of two orthogonal parts
    assert two["policy/grad_norm"] == pytest.approx(
        (one["policy/grad_norm"] ** 2 + one["critic/grad_norm"] ** 2) ** 0.5, abs=2e-2
    )
