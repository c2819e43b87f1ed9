"""The quickstart's own YAML, cut down in size, through the real command line."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from evaluators.responses import read_responses
from limr.__main__ import main
from limr.trajectories import read_trajectories

pytestmark = pytest.mark.e2e

QUICKSTART = Path(__file__).parents[2] / "experiments" / "quickstart.yaml"
PROMPTS, SAMPLES, EPOCHS, BATCH, QUESTIONS = 16, 4, 2, 8, 12


def generated(split, size):
    init_args = {"split": split, "size": size, "seed": 1}
    return {"class_path": "limr.data.GeneratedProblems", "init_args": init_args}


SMALL = {
    "model": {
        "init_args": {
            "sampling": {"samples_per_prompt": SAMPLES},
            "ppo": {"minibatch_size": 16, "micro_batch_size": 16},
        }
    },
    "data": {
        "init_args": {
            "problems": generated("train", PROMPTS),
            "benchmarks": {
                name: {
                    "problems": generated(split, QUESTIONS),
                    "sampling": {"temperature": 0.0, "max_response_tokens": 32},
                }
                for name, split in (("validation", "validation"), ("unseen", "unseen"))
            },
            "rollout_batch_size": BATCH,
        }
    },
    "trainer": {"max_epochs": EPOCHS},
}


def limr(folder, verb, *flags):
    """Run `limr` in `folder`; what it printed."""
    overlay = folder / "small.yaml"
    overlay.write_text(json.dumps(SMALL))
    database = f"sqlite:///{folder.parent / 'mlflow.db'}"
    store = f"--trainer.logger.init_args.tracking_uri={database}"
    printed = folder / f"{verb}.txt"
    with contextlib.chdir(folder), printed.open("w") as out, contextlib.redirect_stdout(out):
        status = main([verb, "-c", str(QUICKSTART), "-c", str(overlay), store, *flags])
    assert status == 0
    return printed.read_text()


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """Three fits: seed 1 twice and seed 2 once, in folders beside one MLflow database."""
    root = tmp_path_factory.mktemp("quickstart")
    printed = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PL_GLOBAL_SEED", "0")  # restored afterwards: the runs set it
        for name, seed in (("first", 1), ("again", 1), ("other", 2)):
            (root / name).mkdir()
            run_name = f"--trainer.logger.init_args.run_name={name}"
            flags = (f"--seed_everything={seed}", run_name)
            printed[name] = limr(root / name, "fit", *flags)
    return root, printed


def metrics_of(root, name):
    """Every metric of a run but the clock's: {(key, step): value}."""
    query = (
        "select m.key, m.step, m.value from metrics m join runs r on r.run_uuid = m.run_uuid "
        "where r.name = ? and m.key not like 'time/%'"
    )
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as database:
        return {(key, step): value for key, step, value in database.execute(query, (name,))}


def weights_of(root, name):
    path = root / name / "runs/quickstart/checkpoints/last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


def test_the_same_seed_repeats_weights_and_metrics_bit_for_bit(fits):
    root, _ = fits
    first, again = weights_of(root, "first"), weights_of(root, "again")
    assert all(torch.equal(first[name], again[name]) for name in first)
    metrics = metrics_of(root, "first")
    assert metrics == metrics_of(root, "again")
    assert ("reward/score_mean", 0) in metrics
    assert ("val/unseen/accuracy", 0) in metrics


def test_another_seed_gives_another_run(fits):
    root, _ = fits
    first, other = weights_of(root, "first"), weights_of(root, "other")
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert metrics_of(root, "first") != metrics_of(root, "other")


def test_every_response_of_every_epoch_is_recorded_once(fits):
    root, _ = fits
    rows = read_trajectories(root / "first/runs/quickstart/trajectories").to_pylist()
    keys = {(row["epoch"], row["problem_id"], row["sample"]) for row in rows}
    assert len(rows) == len(keys) == EPOCHS * PROMPTS * SAMPLES
    assert {row["epoch"] for row in rows} == {0, 1}
    assert {row["status"] for row in rows} <= {"correct", "wrong", "malformed"}
    assert {row["score"] for row in rows} <= {1.0, -0.5, -1.0}
    assert sum(row["response"] != "" for row in rows) > 0.99 * len(rows)


def test_accuracy_before_and_after_is_printed_with_intervals(fits):
    _, printed = fits
    table = printed["first"].split("before and after training")[1]
    for name in ("validation", "unseen"):
        (row,) = [line for line in table.splitlines() if line.startswith(name)]
        assert str(QUESTIONS) in row.split()
        assert row.count("[") == 3  # before, after, and the paired change


def test_the_run_is_in_mlflow_with_its_config_and_circumstances(fits):
    root, _ = fits
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as database:
        query = "select t.key, t.value from tags t join runs r on r.run_uuid = t.run_uuid"
        tags = dict(database.execute(query + " where r.name = 'first'"))
        (status,) = database.execute("select status from runs where name = 'first'").fetchone()
    assert status == "FINISHED"
    assert tags["seed"] == "1"
    assert len(tags["data.digest"]) == 64
    assert tags["folder"].endswith("first/runs/quickstart")
    config = (root / "first/runs/quickstart/config.yaml").read_text()
    assert "samples_per_prompt: 4" in config


def test_the_exported_model_is_the_trained_policy(fits):
    root, _ = fits
    folder = root / "first/runs/quickstart/model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    trained = weights_of(root, "first")
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, trained[f"policy.model.{name}"])
    assert AutoTokenizer.from_pretrained(folder).eos_token_id == model.config.eos_token_id


def test_a_checkpoint_is_exported_to_the_same_files_and_measures_the_same(fits):
    root, _ = fits
    run, exported = root / "again/runs/quickstart", root / "again/exported"
    checkpoint = str(run / "checkpoints/last.ckpt")
    assert main(["export", "--ckpt_path", checkpoint, "--output", str(exported)]) == 0
    files = {path.name: path.read_bytes() for path in exported.iterdir()}
    assert files == {path.name: path.read_bytes() for path in (run / "model").iterdir()}
    name = f"--model.init_args.pretrained.name={exported}"
    check_last_accuracies(limr(root / "again", "validate", name), metrics_of(root, "again"))


def check_last_accuracies(printed, metrics):
    """Both benchmarks' rows in `printed` have the last accuracy of a fit's metrics."""
    last = max(step for key, step in metrics if key == "val/validation/accuracy")
    for name in ("validation", "unseen"):
        accuracy = 100 * metrics[f"val/{name}/accuracy", last]
        row = next(line for line in printed.splitlines() if line.startswith(f"{name}  "))
        assert row.split()[1:3] == [str(QUESTIONS), f"{accuracy:.1f}"]


def test_validate_finds_what_the_fit_found_last(fits):
    root, _ = fits
    checkpoint = "--ckpt_path=runs/quickstart/checkpoints/last.ckpt"
    check_last_accuracies(limr(root / "first", "validate", checkpoint), metrics_of(root, "first"))
    paths = (root / "first/runs/quickstart/responses").glob("validate-unseen-*.parquet")
    (rows, facts), *_ = [read_responses(path) for path in paths]
    assert len(rows) == facts["questions"] == QUESTIONS
