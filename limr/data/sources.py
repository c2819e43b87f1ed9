"""Where problems come from."""

from __future__ import annotations

import hashlib
import io
from abc import ABC, abstractmethod

from limr.data.rows import OnBadRow, problems_from_rows
from limr.tables import Columns, parse_rows, read_bytes
from limr.types import Problem


class ProblemSource(ABC):
    """Anything that can produce problems; named in YAML by class_path and init_args."""

    @abstractmethod
    def load(self) -> list[Problem]:
        """All problems, checked.

        Raises:
            ValueError: Naming the file, the row and the reason.
        """


class FileProblems(ProblemSource):
    """Problems from one JSON (a list), JSONL, CSV or Parquet file, told apart by its suffix."""

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
            parse_rows(io.BytesIO(data), self.path),
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
