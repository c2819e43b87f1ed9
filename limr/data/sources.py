"""Where problems come from."""

from __future__ import annotations

import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import fsspec

from limr.data.rows import Columns, OnBadRow, problems_from_rows
from limr.types import Problem

Row = tuple[int, Any]


class ProblemSource(ABC):
    """Anything that can produce problems; named in YAML by class_path and init_args."""

    @abstractmethod
    def load(self) -> list[Problem]:
        """All problems, checked.

        Raises:
            ValueError: Naming the file, the row and the reason.
        """


class FileProblems(ProblemSource):
    """Problems from one JSON (a list), JSONL or Parquet file, told apart by its suffix."""

    def __init__(
        self,
        path: str,
        columns: Columns = Columns(),  # noqa: B008
        sha256: str | None = None,
        id_prefix: str = "",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        """Name a file; it is read by `load`.

        Args:
            path: A path or any URL that fsspec reads (`s3://...`, `https://...`, `hf://...`).
            columns: Which column holds which field.
            sha256: The file's expected digest in hex; None does not check.
            id_prefix: Put before every id, to keep two files' ids apart.
            on_bad_row: Refuse the file for a bad row, or leave the row out with a warning.
        """
        self.path = path
        self.columns = columns
        self.sha256 = sha256
        self.id_prefix = id_prefix
        self.on_bad_row = on_bad_row

    def load(self) -> list[Problem]:
        """The file's problems in its order."""
        data = read_bytes(self.path)
        if self.sha256 is not None:
            digest = hashlib.sha256(data).hexdigest()
            if digest != self.sha256.lower():
                raise ValueError(
                    f"{self.path} has sha256 {digest}, expected {self.sha256}: the file is not the "
                    "one this configuration was written for; fetch that one or correct `sha256`"
                )
        return problems_from_rows(
            parse_rows(data, self.path),
            where=self.path,
            columns=self.columns,
            id_prefix=self.id_prefix,
            on_bad_row=self.on_bad_row,
        )


class HubProblems(ProblemSource):
    """Problems from a dataset of the Hugging Face Hub, or a local folder laid out like one."""

    def __init__(
        self,
        name: str,
        split: str,
        revision: str | None = None,
        config: str | None = None,
        columns: Columns = Columns(),  # noqa: B008
        id_prefix: str = "",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        """Name a dataset; it is fetched by `load`.

        Args:
            name: `owner/dataset` on the Hub, or a folder of JSONL or Parquet files.
            split: The split to take, for example `train`.
            revision: Commit hash or tag; pin it, a branch moves.
            config: The dataset's configuration, where it has several.
            columns: Which column holds which field.
            id_prefix: Put before every id, to keep two datasets' ids apart.
            on_bad_row: Refuse the dataset for a bad row, or leave the row out with a warning.
        """
        self.name = name
        self.split = split
        self.revision = revision
        self.config = config
        self.columns = columns
        self.id_prefix = id_prefix
        self.on_bad_row = on_bad_row

    def load(self) -> list[Problem]:
        """The split's problems in its order; row numbers in messages count from 1."""
        from datasets import load_dataset

        try:
            rows = load_dataset(
                self.name, name=self.config, split=self.split, revision=self.revision
            )
        except (OSError, ValueError) as error:
            raise ValueError(
                f"dataset {self.name!r}, split {self.split!r}, could not be loaded: {error}"
            ) from error
        return problems_from_rows(
            enumerate(rows, start=1),
            where=f"{self.name}[{self.split}]",
            columns=self.columns,
            id_prefix=self.id_prefix,
            on_bad_row=self.on_bad_row,
        )


def read_bytes(path: str) -> bytes:
    """The content of a file by path or fsspec URL.

    Raises:
        ValueError: If it cannot be read, naming it.
    """
    try:
        with fsspec.open(path, "rb") as file:
            data: bytes = file.read()
    except FileNotFoundError as error:
        raise ValueError(f"no file {path}; relative paths start at the working folder") from error
    except (OSError, ImportError, ValueError) as error:
        raise ValueError(f"{path} could not be read: {error}") from error
    return data


def parse_rows(data: bytes, path: str) -> Iterator[Row]:
    """Numbered rows, from 1; in JSONL the number is the line's, blank lines left out.

    Raises:
        ValueError: If the suffix is unknown or the content is not what the suffix says.
    """
    suffix = PurePosixPath(path).suffix.lower()
    readers = {".json": _json, ".jsonl": _jsonl, ".ndjson": _jsonl, ".parquet": _parquet}
    if suffix not in readers:
        raise ValueError(f"{path}: suffix {suffix!r} is none of {', '.join(readers)}")
    try:
        yield from readers[suffix](data)
    except (json.JSONDecodeError, UnicodeDecodeError, _NotRowsError) as error:
        raise ValueError(f"{path} is no {suffix} file of problems: {error}") from error


class _NotRowsError(Exception):
    pass


def _json(data: bytes) -> Iterator[Row]:
    rows = json.loads(data)
    if not isinstance(rows, list):
        raise _NotRowsError(f"it holds one {type(rows).__name__}, expected a list of objects")
    yield from enumerate(rows, start=1)


def _jsonl(data: bytes) -> Iterator[Row]:
    # Split at line feeds only: str.splitlines also cuts at U+2028, which JSON strings may hold.
    for number, line in enumerate(data.decode().split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise _NotRowsError(f"line {number}: {error}") from error


def _parquet(data: bytes) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
    except pyarrow.ArrowInvalid as error:
        raise _NotRowsError(str(error)) from error
    yield from enumerate(table.to_pylist(), start=1)
