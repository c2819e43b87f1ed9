"""Whether a killed run ends as if nothing had been: bit for bit, and each row once.

    python -m benchmarks.kills

One uninterrupted run of a small quickstart, then runs of it that are killed (SIGKILL) at random
moments of each kind of work and resumed by `--ckpt_path last` until they are done. Compared are the
final weights and optimizer state, every metric but the clock's, and all trajectory rows. Writes
benchmarks/results/kills.json and the table of docs/reliability.md.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from benchmarks.killed_runs import RANK_ZERO_STAGES, STAGES, Ended, Kill, start
from benchmarks.results_file import write_results
from limr.trajectories import read_trajectories

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/kills.json"
PAGE = ROOT / "docs/reliability.md"
MARKS = ("<!-- kills: begin -->", "<!-- kills: end -->")

KILLED_AGAIN = 0.3
"""Share of the runs that are killed a second time, while they go on from their checkpoint."""


def generated(split: str, size: int) -> dict[str, Any]:
    """Problems for a run file."""
    arguments = {"split": split, "size": size, "seed": 1}
    return {"class_path": "limr.data.GeneratedProblems", "init_args": arguments}


def overlay(ranks: int) -> dict[str, Any]:
    """What makes the quickstart small: 2 epochs of 4 rollouts of 8 prompts, 4 samples each."""
    greedy = {"temperature": 0.0, "max_response_tokens": 32}
    benchmark = {"problems": generated("validation", 12), "sampling": greedy}
    callbacks = ["limr.training.PPOProgress", "evaluators.Evaluation", "limr.tracking.RunInfo"]
    callbacks += ["limr.training.TrajectoryRecorder", "limr.training.HuggingFaceExport"]
    keep = {"class_path": "limr.training.RunCheckpoint", "init_args": {"every_n_steps": 3}}
    return {
        "model": {
            "init_args": {
                "sampling": {"samples_per_prompt": 4},
                "ppo": {"minibatch_size": 16, "micro_batch_size": 8},
            }
        },
        "data": {
            "init_args": {
                "problems": generated("train", 32),
                "benchmarks": {"validation": benchmark},
                "rollout_batch_size": 8,
            }
        },
        "trainer": {
            "max_epochs": 2,
            "default_root_dir": "run",
            "devices": ranks,
            "strategy": "auto" if ranks == 1 else "ddp",
            "callbacks": [*({"class_path": path} for path in callbacks), keep],
        },
    }


def command(folder: Path, ranks: int) -> list[str]:
    """`limr fit` of the small run in `folder`, which is made with an empty MLflow database."""
    folder.mkdir()
    (folder / "small.yaml").write_text(json.dumps(overlay(ranks)))
    shutil.copy(folder.parent / "empty.db", folder / "mlflow.db")
    store = f"--trainer.logger.init_args.tracking_uri=sqlite:///{folder}/mlflow.db"
    quickstart = str(ROOT / "experiments/quickstart.yaml")
    return ["fit", "-c", quickstart, "-c", "small.yaml", store, "--ckpt_path=last"]


def make_empty_database(path: Path) -> None:
    """MLflow's tables, which take seconds to make, for every run to copy."""
    code = f"from mlflow import MlflowClient; MlflowClient('sqlite:///{path}').search_experiments()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300, capture_output=True)


def outcome(folder: Path) -> dict[str, Any]:
    """What is compared of a finished run, and how its MLflow runs ended."""
    saved = torch.load(folder / "run/checkpoints/last.ckpt", weights_only=True, mmap=True)
    trained = (saved["state_dict"], saved["optimizer_states"], saved["lr_schedulers"])
    export = (folder / "run/model/model.safetensors").read_bytes()
    rows = read_trajectories(folder / "run/trajectories").drop_columns("run_id").to_pylist()
    keys = Counter((r["epoch"], r["step"], r["problem_id"], r["sample"]) for r in rows)
    text = sorted(json.dumps(row, sort_keys=True) for row in rows)
    responses = sorted((folder / "run/responses").rglob("*.parquet"))
    return {
        "weights": hashlib.sha256(export).hexdigest(),
        "state": _hash_of(trained),
        "metrics": metrics(folder / "mlflow.db"),
        "rows": hashlib.sha256("\n".join(text).encode()).hexdigest(),
        "row_count": len(rows),
        "most_of_one_row": max(keys.values()),
        "responses": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in responses},
    }


def _hash_of(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        content = value.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        return hashlib.sha256(content).hexdigest()
    if isinstance(value, dict):
        value = [(str(key), _hash_of(part)) for key, part in sorted(value.items(), key=str)]
    elif isinstance(value, list | tuple):
        value = [_hash_of(part) for part in value]
    return hashlib.sha256(repr(value).encode()).hexdigest()


def metrics(database: Path) -> dict[str, float | str]:
    """The finished run's last value of each metric and step, but for the clock's (`time/`).

    Raises:
        ValueError: If not exactly one run is finished.
    """
    finished = "select run_uuid from runs where status = 'FINISHED'"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        runs = [run for (run,) in connection.execute(finished)]
        if len(runs) != 1:
            raise ValueError(f"{database} has {len(runs)} finished runs")
        query = "select key, step, value, is_nan from metrics where run_uuid = ? order by timestamp"
        found = connection.execute(query, (runs[0],)).fetchall()
    return {
        f"{key}@{step}": "nan" if is_nan else value
        for key, step, value, is_nan in found
        if not key.startswith("time/")
    }


def planned_kill(times: list[dict[str, list[float]]], stage: str, draw: random.Random) -> Kill:
    """A moment in one of the stage's calls, all equally likely, by the whole run's times."""
    rank = 0 if stage in RANK_ZERO_STAGES else draw.randrange(len(times))
    calls = times[rank][stage]
    nth = draw.randrange(len(calls))
    return Kill(stage=stage, nth=nth + 1, delay_s=draw.uniform(0, calls[nth]), rank=rank)


def until_done(folder: Path, ranks: int, kills: list[Kill]) -> list[Ended]:
    """Run, kill, run again, until nothing kills it any more.

    Raises:
        RuntimeError: If it ends in another way.
    """
    args = command(folder, ranks)
    ends = []
    for kill in [*kills, None]:
        end = start(folder, args, ranks=ranks, kill=kill)
        ends.append(end)
        if end.killed_in is None:
            if end.status:
                raise RuntimeError(f"status {end.status}: read {folder}/out-*.txt")
            break
    return ends


def campaign(base: Path, *, ranks: int, runs: int, seed: int) -> dict[str, Any]:
    """Kill `runs` runs, spread evenly over the stages, and compare each with the whole run."""
    begun, draw = time.monotonic(), random.Random(f"{seed} {ranks}")
    base.mkdir(parents=True)
    make_empty_database(base / "empty.db")
    until_done(base / "whole", ranks, [])
    whole = outcome(base / "whole")
    files = [base / "whole" / f"times-{rank}.json" for rank in range(ranks)]
    times = [json.loads(path.read_text()) for path in files]
    found = []
    for number in range(runs):
        stages = [[*STAGES][number % len(STAGES)]]
        stages += draw.choices([*STAGES], k=draw.random() < KILLED_AGAIN)
        folder = base / f"{number:03d}"
        ends = until_done(folder, ranks, [planned_kill(times, stage, draw) for stage in stages])
        result = outcome(folder)
        kills = [end.killed_in for end in ends if end.killed_in]
        differs = [name for name, value in whole.items() if result[name] != value]
        found.append({"kills": kills, "differs": differs})
        print(f"{ranks} ranks, run {number + 1}/{runs}: {found[-1]}", flush=True)  # noqa: T201
        if not differs:
            shutil.rmtree(folder)
    return {
        "ranks": ranks,
        "rows": whole["row_count"],
        "metrics": len(whole["metrics"]),
        "once": whole["most_of_one_row"] == 1,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "runs": found,
    }


def table(campaigns: list[dict[str, Any]]) -> str:
    """How many kills struck in which kind of work, and how many runs came out the same."""
    head = "| killed in | " + " | ".join(_processes(c["ranks"]) for c in campaigns) + " |"
    struck = [Counter(where for run in c["runs"] for where in run["kills"]) for c in campaigns]
    lines = [head, "|---|" + "---|" * len(campaigns)]
    for stage in [*STAGES, "between stages"]:
        lines.append(f"| {stage} | " + " | ".join(str(count[stage]) for count in struck) + " |")
    total = [f"**{sum(count.values())}**" for count in struck]
    lines.append("| **kills** | " + " | ".join(total) + " |")
    for name, keys in (
        ("weights and optimizer state", {"weights", "state"}),
        ("metrics", {"metrics"}),
        ("trajectory rows, each once", {"rows", "row_count", "most_of_one_row"}),
        ("evaluation responses", {"responses"}),
    ):
        same = [
            f"{sum(not keys & {*run['differs']} for run in c['runs'])} of {len(c['runs'])}"
            for c in campaigns
        ]
        lines.append(f"| runs with identical {name} | " + " | ".join(same) + " |")
    return "\n".join(lines)


def _processes(ranks: int) -> str:
    return "1 process" if ranks == 1 else f"DDP, {ranks} processes"


def write_table(text: str, page: Path) -> None:
    """Put the table between the page's marks.

    Raises:
        ValueError: If the page does not have them.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        raise ValueError(f"{page} lacks the lines {MARKS[0]} and {MARKS[1]}")
    page.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", encoding="utf-8")


def main() -> None:
    """Run the campaigns."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50, help="killed runs of one process")
    parser.add_argument("--ddp-runs", type=int, default=10, help="killed runs of two processes")
    parser.add_argument("--seed", type=int, default=1, help="decides the moments")
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it there")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    base: Path = (asked.keep or Path(tempfile.mkdtemp(prefix="limr-kills-"))).resolve()
    campaigns = []
    for ranks, runs in ((1, asked.runs), (2, asked.ddp_runs)):
        campaigns.append(campaign(base / str(ranks), ranks=ranks, runs=runs, seed=asked.seed))
        write_results({"seed": asked.seed, "campaigns": campaigns}, RESULTS)
        write_table(table(campaigns), PAGE)
    if not asked.keep:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
