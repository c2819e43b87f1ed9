"""Evaluation over two processes gives the table of one process, whatever each of them saw."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.responses import read_responses

pytestmark = pytest.mark.integration

WORKER = """
import sys
import warnings

warnings.simplefilter("error")
warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
sys.path.insert(0, sys.argv[2])

from graded_toys import GradedModule, graded
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger

from evaluators import Evaluation

# uneven shards, families that only one rank has seen
SHARDS = [
    [
        [graded(["correct", "wrong", "correct"], ids=["a", "b", "c"], families=["x", "x", "y"])],
        [graded(["wrong"], ids=["h1"], benchmark="hard")],
    ],
    [
        [graded(["correct"], ids=["d"], families=["z"])],
        [graded(["malformed"], ids=["h2"], benchmark="hard")],
    ],
]


class Sharded(GradedModule):
    def setup(self, stage):
        self.scripts = [SHARDS[self.global_rank]]


trainer = Trainer(
    accelerator="cpu",
    devices=2,
    strategy="ddp",
    default_root_dir=sys.argv[1],
    logger=CSVLogger(sys.argv[1]),
    callbacks=[Evaluation(dirpath=sys.argv[1] + "/responses")],
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
    use_distributed_sampler=False,
)
trainer.validate(Sharded([SHARDS[0]]))
"""


def test_two_processes_report_once_and_alike(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    toys = Path(__file__).parents[1] / "unit/evaluators"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(toys)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    table = done.stdout[done.stdout.index("validation at step 0") :].splitlines()
    assert done.stdout.count("validation at step 0") == 1
    assert [line.split()[:4] for line in table[2:7]] == [
        ["easy", "4", "75.0", "[30.1,"],  # scipy: binomtest(3, 4).proportion_ci(method="wilson")
        ["family", "x", "2", "50.0"],
        ["family", "y", "1", "100.0"],
        ["family", "z", "1", "100.0"],
        ["hard", "2", "0.0", "[0.0,"],
    ]

    rows, _ = read_responses(tmp_path / "responses/validate-easy-step000000.parquet")
    assert sorted(row["problem_id"] for row in rows) == ["a", "b", "c", "d"]
