"""What each problem's responses scored, step by step, in Parquet files that other tools can read.

One file per step and rank, in a local folder or under any address that fsspec knows, written whole
or not at all and named by step and rank: a step that is run again after a resume replaces its rows.
"""

import math
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

import pyarrow
import pyarrow.compute
import pyarrow.parquet
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from limr.files import naming_full_disk, whole_file
from limr.trajectories.schema import SCHEMA, checked_columns, completed
from limr.types import Status

_ROW_GROUP_BYTES = 2**22
"""About as much is read to find one problem's responses in a file; without texts, the file."""

_STATUSES = get_args(Status)
_FILE = re.compile(r"step-(\d+)-rank-(\d+)\.parquet")
PROBLEMS_FILE = "_problems.jsonl"
"""Lies beside the steps; readers of whole folders pass over names that begin so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryRow:
    """One response and what became of it."""

    problem_id: str
    sample: int
    """Which of the problem's samples in this step, from 0."""
    score: float
    """The verifier's reward."""
    status: Status
    """The verdict's status."""
    response_length: int
    """Tokens, the end-of-sequence token included."""
    truncated: bool
    """Cut at the length limit."""
    policy_version: int
    """Optimizer steps the sampling policy had taken."""
    answer: str | None
    """The extracted answer, None when there was none."""
    reason: str | None = None
    """Why the status, None when nothing was said."""
    response: str | None
    """The text, None when texts are not kept."""


class StepFiles:
    """The files of one store, wherever it lies: listed, written whole, read with checks."""

    def __init__(self, dirpath: str | Path) -> None:
        """Name the folder, which need not exist: a local path or an fsspec URL."""
        self._filesystem, self._root = url_to_fs(os.fspath(dirpath))

    @property
    def uri(self) -> str:
        """The folder's address with its protocol, as fsspec, pandas and DuckDB take it."""
        return str(self._filesystem.unstrip_protocol(self._root))

    def make_folder(self) -> None:
        """Make the folder where it is absent (object stores have none to make)."""
        self._filesystem.makedirs(self._root, exist_ok=True)

    def paths(self) -> list[str]:
        """All files in order of step and rank, [] where there is no such folder."""
        found = self._listed(detail=False)
        return sorted(path for path in found if _FILE.fullmatch(posixpath.basename(path)))

    def existing_paths(self) -> list[str]:
        """All files in order of step and rank.

        Raises:
            ValueError: If there are none.
        """
        if not (paths := self.paths()):
            missing = "" if self._filesystem.exists(self._root) else "; there is no such folder"
            raise ValueError(
                f"{self.uri} holds no trajectories (no step-*-rank-*.parquet files){missing}"
            )
        return paths

    def state(self) -> str:
        """Another text whenever a file has come, gone or been replaced; none is opened."""
        entries = {posixpath.basename(entry["name"]): entry for entry in self._listed(detail=True)}
        kept = sorted(name for name in entries if _FILE.fullmatch(name) or name == PROBLEMS_FILE)
        return repr([sorted(entries[name].items()) for name in kept])

    def _listed(self, *, detail: bool) -> list[Any]:
        self._filesystem.invalidate_cache()  # other ranks write, too
        try:
            return list(self._filesystem.ls(self._root, detail=detail))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def write(self, table: pyarrow.Table, *, step: int, rank: int) -> str:
        """Write a step's file of one rank, in place of any before; its path.

        Raises:
            ValueError: If the disk is full.
        """
        buffer = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(
            table,
            buffer,
            compression="zstd",
            write_page_checksum=True,
            row_group_size=max(1, len(table) * _ROW_GROUP_BYTES // max(1, table.nbytes)),
        )
        name = f"step-{step:08d}-rank-{rank:05d}.parquet"
        path = f"{self._root}/{name}"
        if isinstance(self._filesystem, LocalFileSystem):
            # readers of whole folders (pandas, Spark) pass over names that begin with a dot
            temporary = Path(self._root) / f".{name}.tmp"
            with naming_full_disk(Path(path)), temporary.open("wb") as file:
                file.write(buffer.getvalue())
                file.flush()
                os.fsync(file.fileno())  # or a power cut could leave the name without the content
            temporary.replace(path)
        else:  # object stores show an upload when it is complete
            self._filesystem.pipe_file(path, buffer.getvalue().to_pybytes())
        return path

    def write_text(self, name: str, text: str) -> None:
        """Write a further file (UTF-8), in place of any before.

        Raises:
            ValueError: If it cannot be written, or the disk is full.
        """
        if isinstance(self._filesystem, LocalFileSystem):
            with whole_file(Path(self._root) / name) as file:
                file.write(text)
        else:
            self._filesystem.pipe_file(f"{self._root}/{name}", text.encode())

    def address(self, name: str) -> str | None:
        """Where a further file lies, None where there is none."""
        path = f"{self._root}/{name}"
        if not self._filesystem.exists(path):
            return None
        return str(self._filesystem.unstrip_protocol(path)).removeprefix("file://")

    def remove(self, path: str) -> None:
        """Delete one file."""
        self._filesystem.rm_file(path)

    def download(self, folder: str | Path) -> None:
        """Copy all files into a local folder, with what was asked where that is told."""
        for path in self._listed(detail=False):
            name = posixpath.basename(path)
            if _FILE.fullmatch(name) or name == PROBLEMS_FILE:
                self._filesystem.get_file(path, f"{folder}/{name}")

    def read(
        self, path: str, columns: Sequence[str] | None = None, *, dictionaries: Sequence[str] = ()
    ) -> pyarrow.Table:
        """One file's rows in the columns of :data:`SCHEMA`, null where its version has none.

        Args:
            path: One of :meth:`paths`.
            columns: Read only these; None reads all.
            dictionaries: Columns that come as dictionaries: faster where texts repeat.

        Raises:
            ValueError: If the file is damaged or of an unknown version.
        """
        wanted = list(SCHEMA.names if columns is None else columns)
        with self._opened(path, dictionaries) as (file, known):
            # files are many and small: whoever wants threads reads several files at once
            table = file.read([n for n in wanted if n in known], use_threads=False)
            return completed(table, wanted, file.metadata.num_rows)

    def read_problem(self, path: str, problem_id: str) -> pyarrow.Table:
        """One problem's rows of a file in all columns; reads the texts of few others.

        Raises:
            ValueError: If the file is damaged or of an unknown version.
        """
        with self._opened(path) as (file, known):
            parts = []
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, ["problem_id"], use_threads=False).column(0)
                mine = pyarrow.compute.equal(ids, problem_id)
                if pyarrow.compute.any(mine).as_py():
                    rows = file.read_row_group(group, known, use_threads=False).filter(mine)
                    parts.append(completed(rows, SCHEMA.names, len(rows)))
        return pyarrow.concat_tables(parts) if parts else SCHEMA.empty_table()

    @contextmanager
    def _opened(
        self, path: str, dictionaries: Sequence[str] = ()
    ) -> Iterator[tuple[pyarrow.parquet.ParquetFile, list[str]]]:
        """A file of a known version, and its columns."""
        try:
            with pyarrow.parquet.ParquetFile(
                path,
                filesystem=self._filesystem,
                read_dictionary=list(dictionaries),
                page_checksum_verification=True,
            ) as file:
                yield file, checked_columns(path, file.schema_arrow)
        except (pyarrow.ArrowException, OSError) as error:
            raise ValueError(
                f"{path} is damaged or cannot be read ({error}); remove it to read the rest"
            ) from error


class TrajectoryWriter:
    """Writes one run's rows into a folder."""

    def __init__(self, dirpath: str | Path, run_id: str) -> None:
        """Open the folder, made when absent; leftovers of an interrupted write are harmless.

        Args:
            dirpath: The run's folder, a local path or an fsspec URL (``s3://bucket/run``).
            run_id: Written into every row.
        """
        self.files = StepFiles(dirpath)
        self.run_id = run_id
        self.files.make_folder()

    def append(self, rows: Sequence[TrajectoryRow], *, epoch: int, step: int, rank: int) -> str:
        """Write one step's rows of one rank, in place of any it wrote before; the file's path.

        Raises:
            ValueError: If a row has a status that is none or a score that is no finite number, or
                the disk is full.
        """
        _check_rows(rows)
        columns = {f.name: [getattr(row, f.name) for row in rows] for f in fields(TrajectoryRow)}
        same = {"run_id": self.run_id, "epoch": epoch, "step": step}
        columns |= {name: [value] * len(rows) for name, value in same.items()}
        table = pyarrow.Table.from_pydict(columns, schema=SCHEMA)
        return self.files.write(table, step=step, rank=rank)

    def discard_from(self, step: int) -> int:
        """Delete what was recorded from `step` on, by any rank; the number of files.

        A run that goes on from an older checkpoint takes these steps again.
        """
        paths = [path for path in self.files.paths() if _step(path) >= step]
        for path in paths:
            self.files.remove(path)
        return len(paths)


def recorded_run(dirpath: str | Path) -> str | None:
    """The run whose rows a folder holds, None when it holds no rows; every file is looked into.

    Raises:
        ValueError: If a file is damaged or of another version.
    """
    files = StepFiles(dirpath)
    owners = [files.read(path, ["run_id"]).column("run_id") for path in files.paths()]
    return next((str(column[0]) for column in owners if len(column)), None)


def read_trajectories(dirpath: str | Path, columns: Sequence[str] | None = None) -> pyarrow.Table:
    """All rows of a folder, in order of step and rank.

    Args:
        dirpath: A run's folder, a local path or an fsspec URL.
        columns: Read only these; None reads all (responses are most of the bytes).

    Raises:
        ValueError: If there are no trajectories, a column is unknown, or a file is damaged or of
            another version.
    """
    unknown = sorted(set(columns or ()) - set(SCHEMA.names))
    if unknown:
        raise ValueError(f"no trajectory columns {unknown}; there are {SCHEMA.names}")
    files = StepFiles(dirpath)
    return pyarrow.concat_tables([files.read(path, columns) for path in files.existing_paths()])


def _step(path: str) -> int:
    match = _FILE.fullmatch(posixpath.basename(path))
    assert match is not None
    return int(match[1])


def _check_rows(rows: Sequence[TrajectoryRow]) -> None:
    for index, row in enumerate(rows):
        if row.status not in _STATUSES:
            raise ValueError(
                f"row {index} ({row.problem_id}) has status {row.status!r}; there are {_STATUSES}"
            )
        if not math.isfinite(row.score):
            raise ValueError(f"row {index} ({row.problem_id}) has score {row.score}, not a number")
