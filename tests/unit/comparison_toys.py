"""Runs as `limr fit` leaves them, with made-up outcomes: response files, metrics and tags."""

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import yaml

from limr.report.runs import Measurement, Run
from limr.trajectories import TrajectoryRow, TrajectoryWriter

STEPS = (0, 2, 4)
GAINS = {"full": 0.5, "lim": 0.6, "random": 0.2}


def response_rows(benchmark, step, outcomes, *, response="so \\boxed{2}", prompt="1 + 1?"):
    """One row per response; `outcomes` has each question's, such as {"q0": [True, False]}."""
    return [
        {
            "benchmark": benchmark,
            "step": step,
            "problem_id": key,
            "sample": sample,
            "family": "sums",
            "level": "",
            "prompt": prompt,
            "gold": "2",
            "response": response,
            "answer": "2" if correct else None,
            "status": "correct" if correct else "wrong",
            "reason": "",
            "score": 1.0 if correct else -0.5,
            "length": 10 + step + sample,
            "truncated": False,
        }
        for key, samples in outcomes.items()
        for sample, correct in enumerate(samples)
    ]


def write_responses(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    name = f"fit-{rows[0]['benchmark']}-step{rows[0]['step']:06d}.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / name)
    return folder / name


def outcomes_of(arm, seed, step, questions=8, samples=2):
    """The later and the better the arm, the more questions are solved; seeds differ."""
    rng = np.random.default_rng([seed, step, *arm.encode()])
    chance = 0.1 + GAINS.get(arm, 0.3) * step / max(STEPS)
    return {f"q{i}": (rng.random(samples) < chance).tolist() for i in range(questions)}


def write_run_folder(folder, arm, seed, *, benchmarks=("easy", "hard"), steps=STEPS, **texts):
    """A run's folder: configuration, responses and trajectories of two epochs."""
    for benchmark in benchmarks:
        for step in steps:
            rows = response_rows(benchmark, step, outcomes_of(arm, seed, step), **texts)
            write_responses(folder / "responses", rows)
    logger = {"class_path": "limr.tracking.RunLogger", "init_args": {"tags": {"arm": arm}}}
    config = {"seed_everything": seed, "trainer": {"logger": logger}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    write_trajectories(folder / "trajectories", f"{arm}-{seed}", max(steps))
    return folder


def write_trajectories(folder, run_id, steps):
    """Two problems in each step, two steps in each epoch, three updates after each step."""
    writer = TrajectoryWriter(folder, run_id)
    for step in range(steps):
        problems = (0, 1) if step % 2 == 0 else (2, 3)
        rows = [
            TrajectoryRow(
                problem_id=f"p{problem}",
                sample=sample,
                score=1.0 if sample <= step // 2 + problem % 2 else -0.5,
                status="correct" if sample <= step // 2 + problem % 2 else "wrong",
                response_length=10 + step,
                truncated=False,
                policy_version=3 * step,
                answer=None,
                response=None,
            )
            for problem in problems
            for sample in range(4)
        ]
        writer.append(rows, epoch=step // 2, step=step, rank=0)


def log_run(client, experiment_id, folder, arm, seed, *, name=None, status="FINISHED", tags=None):
    """One MLflow run of a folder as :func:`write_run_folder` makes it; its id."""
    own = {"verb": "fit", "arm": arm, "seed": str(seed), **(tags or {})}
    own = {key: value for key, value in own.items() if value is not None}
    run = client.create_run(experiment_id, tags=own, run_name=name or f"{arm}-{seed}")
    run_id = run.info.run_id
    for path in sorted((folder / "responses").glob("*.parquet")):
        client.log_artifact(run_id, str(path), "responses")
    steps = sorted({int(path.stem[-6:]) for path in (folder / "responses").glob("*.parquet")})
    for step in range(max(steps) + 1):
        values = {"reward/score_mean": step / 10 - 0.5, "response/length": 12.0 + step}
        each = {"optimizer_steps": 3, "responses": 8, "tokens": 100 + seed, "visits": 0.5}
        values |= {f"progress/{what}": cost * step for what, cost in each.items()}
        for key, value in values.items():
            client.log_metric(run_id, key, value, step=step)
    client.set_terminated(run_id, status)
    return run_id


def toy_run(name, shares, *, arm=None, seed="", tokens=None, curves=None, **overrides):
    """A run by its shares: {benchmark: {step: [share of each question]}}."""
    measured = {
        benchmark: {
            step: Measurement(
                benchmark=benchmark,
                step=step,
                problem_ids=np.array([f"q{i:03d}" for i in range(len(values))]),
                shares=np.array(values, float),
                length=10.0 + step,
                file=Path("absent.parquet"),
            )
            for step, values in steps.items()
        }
        for benchmark, steps in shares.items()
    }
    defaults = {"id": name, "status": "FINISHED", "started": 0.0, "trajectories": None}
    return Run(
        **defaults | overrides,
        name=name,
        arm=arm or name,
        seed=seed,
        measured=measured,
        curves=curves or {},
        progress={"tokens": tokens} if tokens else {},
    )
