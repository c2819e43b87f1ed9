"""What each problem's responses scored, step by step, in Parquet files that other tools can read.

One file per step and rank, written whole or not at all and named by step and rank: a step that is
run again after a resume replaces its rows.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow
import pyarrow.parquet

SCHEMA_VERSION = "1"
_VERSION_KEY = b"limr_trajectories_version"

SCHEMA = pyarrow.schema(
    [
        pyarrow.field("run_id", pyarrow.string(), nullable=False),
        pyarrow.field("epoch", pyarrow.int32(), nullable=False),
        pyarrow.field("step", pyarrow.int64(), nullable=False),
        pyarrow.field("problem_id", pyarrow.string(), nullable=False),
        pyarrow.field("sample", pyarrow.int32(), nullable=False),
        pyarrow.field("score", pyarrow.float32(), nullable=False),
        pyarrow.field("status", pyarrow.string(), nullable=False),
        pyarrow.field("response_length", pyarrow.int32(), nullable=False),
        pyarrow.field("truncated", pyarrow.bool_(), nullable=False),
        pyarrow.field("policy_version", pyarrow.int64(), nullable=False),
        pyarrow.field("answer", pyarrow.string()),
        pyarrow.field("response", pyarrow.string()),
    ],
    metadata={_VERSION_KEY: SCHEMA_VERSION.encode()},
)

_FILE = re.compile(r"step-(\d+)-rank-(\d+)\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryRow:
    """One response and what became of it."""

    problem_id: str
    sample: int
    """Which of the problem's samples in this step, from 0."""
    score: float
    """The verifier's reward."""
    status: str
    """The verdict's status (:data:`limr.types.Status`)."""
    response_length: int
    """Tokens, the end-of-sequence token included."""
    truncated: bool
    """Cut at the length limit."""
    policy_version: int
    """Optimizer steps the sampling policy had taken."""
    answer: str | None
    """The extracted answer, None when there was none."""
    response: str | None
    """The text, None when texts are not kept."""


class TrajectoryWriter:
    """Writes one run's rows into a folder."""

    def __init__(self, dirpath: str | Path, run_id: str) -> None:
        """Open the folder, made when absent; leftovers of an interrupted write are harmless.

        Args:
            dirpath: The run's folder.
            run_id: Written into every row.
        """
        self.dirpath = Path(dirpath)
        self.run_id = run_id
        self.dirpath.mkdir(parents=True, exist_ok=True)

    def append(self, rows: Sequence[TrajectoryRow], *, epoch: int, step: int, rank: int) -> Path:
        """Write one step's rows of one rank, in place of any it wrote before; the file's path."""
        columns = {f.name: [getattr(row, f.name) for row in rows] for f in fields(TrajectoryRow)}
        same = {"run_id": self.run_id, "epoch": epoch, "step": step}
        columns |= {name: [value] * len(rows) for name, value in same.items()}
        table = pyarrow.Table.from_pydict(columns, schema=SCHEMA)
        path = self.dirpath / f"step-{step:08d}-rank-{rank:05d}.parquet"
        temporary = path.with_suffix(".tmp")
        pyarrow.parquet.write_table(table, temporary, compression="zstd")
        os.replace(temporary, path)  # noqa: PTH105
        return path

    def discard_from(self, step: int) -> int:
        """Delete what was recorded from `step` on, by any rank; the number of files.

        A run that goes on from an older checkpoint takes these steps again.
        """
        files = [path for path in _files(self.dirpath) if _step(path) >= step]
        for path in files:
            path.unlink()
        return len(files)


def recorded_run(dirpath: str | Path) -> str | None:
    """The run whose rows a folder holds, None when it holds no rows."""
    for path in _files(Path(dirpath)):
        owners = _read(path, ["run_id"]).column("run_id")
        if len(owners):
            return str(owners[0])
    return None


def read_trajectories(dirpath: str | Path, columns: Sequence[str] | None = None) -> pyarrow.Table:
    """All rows of a folder, in order of step and rank.

    Args:
        dirpath: A run's folder.
        columns: Read only these; None reads all (responses are most of the bytes).

    Raises:
        ValueError: If there are no trajectories, a column is unknown, or a file is damaged or of
            another version.
    """
    unknown = sorted(set(columns or ()) - set(SCHEMA.names))
    if unknown:
        raise ValueError(f"no trajectory columns {unknown}; there are {SCHEMA.names}")
    files = _files(Path(dirpath))
    if not files:
        raise ValueError(f"{dirpath} holds no trajectories (no step-*-rank-*.parquet files)")
    return pyarrow.concat_tables([_read(path, columns) for path in files])


def _files(dirpath: Path) -> list[Path]:
    if not dirpath.is_dir():
        return []
    return sorted(path for path in dirpath.iterdir() if _FILE.fullmatch(path.name))


def _step(path: Path) -> int:
    match = _FILE.fullmatch(path.name)
    assert match is not None
    return int(match[1])


def _read(path: Path, columns: Sequence[str] | None) -> pyarrow.Table:
    try:
        file = pyarrow.parquet.ParquetFile(path)
        version = (file.schema_arrow.metadata or {}).get(_VERSION_KEY, b"none").decode()
        if version != SCHEMA_VERSION:
            raise ValueError(
                f"{path} has trajectory format {version}, this limr reads {SCHEMA_VERSION}"
            )
        return file.read(columns=None if columns is None else list(columns))
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it to read the rest") from error
