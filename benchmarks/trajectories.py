"""From trajectories to LIM scores: time and memory by the number of problems, and beside JSON.

    python -m benchmarks.trajectories --output benchmarks/results/trajectories.json
    python -m benchmarks.trajectories --markdown benchmarks/results/trajectories.json

Data. Runs of 21 epochs with 8 samples per problem, their rows as a run with `save_responses: false`
leaves them: one file per training step of 1,024 problems, every epoch in another order, ids of 36
characters. The last case is a run the size of the paper's (8,523 problems) with texts of 500 to
2,500 characters, once as a store and once as the original keeps it: a JSON file per step, a list of
{"prompt", "response", "reward", "response_length"}. It is read by loops over the records, as the
original does.

How it is measured. Every reading is a fresh process; time runs from the files to the scores, once
modules are loaded; memory is the process's peak. Files were written just before, so they come from
the page cache where they fit into it. Data lie in a temporary folder and are deleted.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray

from limr.selection import alignment_scores
from limr.trajectories import SCHEMA, StepFiles, read_reward_curves

ROOT = Path(__file__).parents[1]
EPOCHS = 21
SAMPLES = 8
PROBLEMS_PER_STEP = 1024
SIZES = (10_000, 100_000, 1_000_000)
PAPER_PROBLEMS = 8523
REWARDS = {"wrong": -0.5, "correct": 1.0, "malformed": -1.0}


@dataclass(frozen=True, slots=True)
class Step:
    """One training step's responses, B of them."""

    epoch: int
    step: int
    problem: NDArray[np.int64]
    """(B,) which problem, its samples side by side."""
    outcome: NDArray[np.int64]
    """(B,) which of `REWARDS`."""
    length: NDArray[np.int32]
    """(B,) tokens."""


def simulated_steps(problems: int, seed: int = 0) -> Iterator[Step]:
    """A run in which problems of all difficulties get easier."""
    rng = np.random.default_rng(seed)
    ease = rng.uniform(-4, 4, problems)
    step = 0
    for epoch in range(EPOCHS):
        order = rng.permutation(problems)
        for start in range(0, problems, PROBLEMS_PER_STEP):
            problem = np.repeat(order[start : start + PROBLEMS_PER_STEP], SAMPLES)
            chance = 1 / (1 + np.exp(-ease[problem] - (epoch - 10) / 5))
            draw = rng.random(len(problem))
            outcome = np.where(draw < chance, 1, np.where(draw > 0.97, 2, 0))
            length = rng.integers(50, 3072, len(problem), dtype=np.int32)
            yield Step(epoch, step, problem, outcome, length)
            step += 1


def make_store(folder: Path, problems: int, texts: list[str] | None = None) -> int:
    """Write a simulated run by columns, for speed; the number of files."""
    files = StepFiles(folder)
    files.make_folder()
    ids = pyarrow.array(problem_ids(problems))
    statuses = pyarrow.array(list(REWARDS))
    scores = np.array(list(REWARDS.values()), np.float32)
    answers = pyarrow.array([str(n) for n in range(1000)])
    for taken in simulated_steps(problems):
        rows = len(taken.problem)
        columns = {
            "run_id": pyarrow.repeat("benchmark", rows),
            "epoch": np.full(rows, taken.epoch, np.int32),
            "step": np.full(rows, taken.step),
            "problem_id": ids.take(taken.problem),
            "sample": np.arange(rows, dtype=np.int32) % SAMPLES,
            "score": scores[taken.outcome],
            "status": statuses.take(taken.outcome),
            "response_length": taken.length,
            "truncated": taken.length == taken.length.max(),
            "policy_version": np.full(rows, taken.step * 32),
            "answer": answers.take(taken.length % 1000),
            "reason": pyarrow.nulls(rows, pyarrow.string()),
            "response": pyarrow.nulls(rows, pyarrow.string())
            if texts is None
            else pyarrow.array(texts).take(taken.length % len(texts)),
        }
        files.write(pyarrow.table(columns, schema=SCHEMA), step=taken.step, rank=0)
    return taken.step + 1


def make_dumps(folder: Path, problems: int, texts: list[str]) -> int:
    """Write the same run as the original's dumps; the number of files."""
    ids, rewards = problem_ids(problems), list(REWARDS.values())
    folder.mkdir()
    for taken in simulated_steps(problems):
        records = [
            {
                "prompt": f"{ids[problem]} {texts[problem % len(texts)][:200]}",
                "response": texts[length % len(texts)],
                "reward": rewards[outcome],
                "response_length": length,
            }
            for problem, outcome, length in zip(
                *(column.tolist() for column in (taken.problem, taken.outcome, taken.length)),
                strict=True,
            )
        ]
        (folder / f"step_{taken.step + 1}.json").write_text(json.dumps(records))
    return taken.step + 1


def problem_ids(problems: int) -> list[str]:
    """Random UUIDs, the same ones every time."""
    digits = np.random.default_rng(1).bytes(16 * problems).hex()
    parts = (8, 12, 16, 20, 32)
    return [
        "-".join(digits[32 * i + a : 32 * i + b] for a, b in zip((0, *parts), parts, strict=False))
        for i in range(problems)
    ]


def random_texts(count: int = 2000) -> list[str]:
    """Texts of 500 to 2,500 characters, one in about 37 a backslash or a new line."""
    rng = np.random.default_rng(2)
    words = ["".join(chr(97 + c) for c in rng.integers(0, 26, n)) for n in rng.integers(2, 9, 500)]
    words += [f"\\{word}{{2}}" for word in words[:70]] + [f"{word}.\n" for word in words[:40]]
    return [" ".join(rng.choice(words, 500))[: rng.integers(500, 2500)] for _ in range(count)]


def score_store(folder: Path) -> dict[str, float]:
    """LIM scores by problem from a store."""
    curves = read_reward_curves(folder)
    scores = alignment_scores(curves.accuracy)
    return dict(zip(curves.problem_ids.tolist(), scores.tolist(), strict=True))


def score_dumps(folder: Path) -> dict[str, float]:
    """LIM scores by prompt from step files, record by record."""
    files = len(list(folder.iterdir()))
    steps_per_epoch = files // EPOCHS
    rewards: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in range(EPOCHS)])
    for step in range(files):
        records = json.loads((folder / f"step_{step + 1}.json").read_text())
        for record in records:
            rewards[record["prompt"].strip()][step // steps_per_epoch].append(record["reward"])
    curves = {
        prompt: [sum(r == 1 for r in epoch) / len(epoch) for epoch in epochs]
        for prompt, epochs in rewards.items()
    }
    mean = [sum(curve[k] for curve in curves.values()) / len(curves) for k in range(EPOCHS)]
    scale = sum((1 - m) ** 2 for m in mean)
    return {
        prompt: 1 - sum((r - m) ** 2 for r, m in zip(curve, mean, strict=True)) / scale
        for prompt, curve in curves.items()
    }


READERS = {"store": score_store, "dumps": score_dumps}


def read(kind: str, folder: Path) -> dict[str, float]:
    """One reading in this process: time, peak memory and how many problems got a score."""
    start, cpu_start = time.perf_counter(), time.process_time()
    scores = READERS[kind](folder)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    # not ru_maxrss: a child's begins with that of its parent
    status = Path("/proc/self/status").read_text()
    peak = 1024 * int(status.partition("VmHWM:")[2].split()[0])
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": peak,
        "problems": len(scores),
    }


def measured(kind: str, folder: Path, repeats: int) -> dict[str, Any]:
    """Several readings, each in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.trajectories", "--read", kind, str(folder)]
    found = [
        json.loads(subprocess.check_output(command, cwd=ROOT, timeout=1800)) for _ in range(repeats)
    ]
    return {
        **{name: [round(each[name], 3) for each in found] for name in ("seconds", "cpu_seconds")},
        "peak_gb": round(max(each["peak_bytes"] for each in found) / 1e9, 3),
        "problems": found[0]["problems"],
        "gb_on_disk": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e9, 3),
    }


def run(sizes: list[int], paper_problems: int, repeats: int) -> dict[str, Any]:
    """Everything, as it is written to the results file."""
    found: dict[str, Any] = {"machine": machine(), "repeats": repeats, "stores": []}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "store"
            case = {"rows": size * EPOCHS * SAMPLES, "files": make_store(folder, size)}
            found["stores"].append(case | measured("store", folder, repeats))
    texts = random_texts()
    found["with_texts"] = {"rows": paper_problems * EPOCHS * SAMPLES}
    with tempfile.TemporaryDirectory() as name:
        for kind, make in {"store": make_store, "dumps": make_dumps}.items():
            case = {"files": make(Path(name) / kind, paper_problems, texts)}
            found["with_texts"][kind] = case | measured(kind, Path(name) / kind, repeats)
    return found


def machine() -> dict[str, Any]:
    """What it ran on."""
    cpu = Path("/proc/cpuinfo").read_text().partition("model name\t: ")[2].partition("\n")[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9),
        "python": platform.python_version(),
        **{name: version(name) for name in ("pyarrow", "numpy")},
    }


def markdown(found: dict[str, Any]) -> str:
    """The results as two tables; times are medians."""
    lines = [
        "| problems | rows | files | on disk | time | CPU time | per million rows | peak memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in found["stores"]:
        per_million = 1e6 * statistics.median(case["cpu_seconds"]) / case["rows"]
        lines.append(
            f"| {case['problems']:,} | {case['rows']:,} | {case['files']:,} "
            f"| {case['gb_on_disk']:.2f} GB | {_times(case)} | {per_million:.2f} s "
            f"| {case['peak_gb']:.2f} GB |"
        )
    texts = found["with_texts"]
    lines += [
        "",
        f"| {texts['rows']:,} rows with texts | on disk | time | CPU time | peak memory |",
        "|---|---|---|---|---|",
    ]
    for kind, name in {"dumps": "JSON per step, loops", "store": "this store"}.items():
        case = texts[kind]
        lines.append(
            f"| {name} | {case['gb_on_disk']:.2f} GB | {_times(case)} | {case['peak_gb']:.2f} GB |"
        )
    ratios = [
        statistics.median(texts["dumps"][name]) / statistics.median(texts["store"][name])
        for name in ("seconds", "cpu_seconds")
    ]
    told = "The store is {:.0f} times as fast, and takes {:.0f} times less CPU time.".format(
        *ratios
    )
    return "\n".join([*lines, "", told, ""])


def _times(case: dict[str, Any]) -> str:
    return " | ".join(
        f"{statistics.median(case[name]):.2f} s" for name in ("seconds", "cpu_seconds")
    )


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, help="write the results as JSON")
    parser.add_argument("--markdown", type=Path, help="show a results file as tables")
    parser.add_argument("--problems", type=int, nargs="+", default=SIZES, help="sizes of stores")
    parser.add_argument("--paper-problems", type=int, default=PAPER_PROBLEMS)
    parser.add_argument("--repeats", type=int, default=3, help="readings of each")
    parser.add_argument("--read", nargs=2, metavar=("KIND", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        json.dump(read(args.read[0], Path(args.read[1])), sys.stdout)
        return
    if args.markdown:
        sys.stdout.write(markdown(json.loads(args.markdown.read_text())))
        return
    found = run(args.problems, args.paper_problems, args.repeats)
    if args.output:
        args.output.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(markdown(found))


if __name__ == "__main__":
    main()
