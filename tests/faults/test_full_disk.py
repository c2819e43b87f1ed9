"""A disk, real and small, that is full before a run begins or becomes so on the way."""

import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from fault_runs import Run, before_step, fit, refusal

from benchmarks.kills import outcome
from limr.training.checkpoint_files import damage

pytestmark = pytest.mark.integration

MIB = 2**20


@pytest.fixture
def disk(folder, request):
    """A file system of so many MiB, as the folder `run` of the test's folder, for all it writes."""
    outbox = "--trainer.logger.init_args.outbox=run/outbox"
    args, mounted = fit(folder, "--ckpt_path=last", outbox), folder / "run"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "tmpfs", str(mounted)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system (root)")
    shutil.move(folder / "mlflow.db", mounted)
    (folder / "mlflow.db").symlink_to("run/mlflow.db")
    yield folder, args
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@pytest.mark.parametrize("disk", [16], indirect=True)
def test_a_disk_too_small_for_the_checkpoints_is_refused_before_the_first_step(disk):
    folder, args = disk
    line = refusal(Run(folder, args))
    assert re.search(r"run/checkpoints: .* need at least [\d,]+ bytes, [\d,]+ are free; make", line)
    assert not list((folder / "run").rglob("step-*"))


def leaving(free: int, step: int) -> None:
    """Fill the disk but for so many bytes as a step begins."""

    def fill() -> None:
        with Path("run/filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage("run").free - free)

    before_step(step, fill)


@pytest.mark.parametrize("disk", [64], indirect=True)
@pytest.mark.parametrize(
    ("free", "step", "written"),
    [
        (0, 3, "run/trajectories/step-00000002-rank-00000.parquet"),
        (4 * MIB, 3, "run/checkpoints/step-00000003.ckpt"),
    ],
    ids=["trajectories", "checkpoint"],
)
def test_a_disk_that_fills_ends_the_run_and_room_lets_it_go_on(
    disk, free, step, written, undisturbed
):
    folder, args = disk
    line = refusal(Run(folder, args, partial(leaving, free, step)))
    assert f"{written}: its disk is full; make room" in line
    last = (folder / "run/checkpoints/last.ckpt").resolve()
    assert last.name == "step-00000002.ckpt"
    assert damage(last) is None
    (folder / "run/filler").unlink()
    status, printed = Run(folder, args).wait()
    assert status == 0, printed
    assert outcome(folder) == undisturbed
