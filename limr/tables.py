"""Tables as numbered rows, whatever file they lie in, and which column of problems holds what."""

import codecs
import csv
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import fsspec

Row = tuple[int, Any]
"""A row's number, as shown in messages, and the row."""


@dataclass(frozen=True, kw_only=True)  # no slots: the command line reads defaults by vars()
class Columns:
    """Which column of a table holds which field of a problem."""

    id: str | None = "id"
    """None derives ids from the prompts (:func:`prompt_id`), for tables that have no ids."""
    prompt: str = "prompt"
    answer: str = "answer"
    answer_after: str = ""
    """The gold is what stands behind the last of these marks in the answer's column (`####` in
    GSM8K); empty takes the whole."""
    family: str | None = None
    """None leaves the field empty, as for the two below."""
    level: str | None = None
    solution: str | None = None


def prompt_id(prompt: str) -> str:
    r"""A stable id from a prompt's text: 16 hex digits of its sha256, outer white space ignored.

    Example:
        >>> prompt_id(" 1+1") == prompt_id("1+1\n")
        True
    """
    return hashlib.sha256(prompt.strip().encode()).hexdigest()[:16]


class BadRowError(ValueError):
    """A row that is not what it should be; the message is the reason."""


def text_of(row: Any, column: str, field: str, *, numbers: bool = False) -> str:
    """A row's text in a column.

    Args:
        row: As read.
        column: The column.
        field: What it holds, for the message.
        numbers: Whether a number is taken, too, as its text.

    Raises:
        BadRowError: If there is none, or only white space.
    """
    value = cell_of(row, column, field)
    if numbers and isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and not math.isfinite(value):
            raise BadRowError(f"{field} (column {column!r}) is {value}, not a finite number")
        return str(value)
    if not isinstance(value, str):
        kinds = "text or a number" if numbers else "text"
        got = "empty" if value is None else f"of type {type(value).__name__}"
        raise BadRowError(f"{field} (column {column!r}) is {got}, expected {kinds}")
    if not value.strip():
        raise BadRowError(f"{field} (column {column!r}) is empty")
    return value


def number_of(row: Any, column: str, field: str) -> float:
    """A row's finite number in a column; texts that spell one count, as all of CSV is text.

    Raises:
        BadRowError: If there is none.
    """
    value = cell_of(row, column, field)
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise BadRowError(f"{field} (column {column!r}) is {value!r}, expected a finite number")
    return number


def cell_of(row: Any, column: str, field: str) -> Any:
    """What a row holds in a column.

    Raises:
        BadRowError: If the row has no columns at all or not this one.
    """
    if not isinstance(row, Mapping):
        raise BadRowError(f"is of type {type(row).__name__}, expected an object of columns")
    if column not in row:
        hint = "; set columns.id: null to derive ids from the prompts" if field == "id" else ""
        raise BadRowError(f"no column {column!r} for {field} among {sorted(row)}{hint}")
    return row[column]


def id_and_prompt(row: Any, columns: Columns) -> tuple[str, str]:
    """What a row's problem is known by, and its prompt.

    Raises:
        BadRowError: If it lacks either.
    """
    prompt = text_of(row, columns.prompt, "prompt")
    if columns.id is None:
        return prompt_id(prompt), prompt
    return text_of(row, columns.id, "id", numbers=True), prompt


class ProblemRow(NamedTuple):
    """A row of a problem table as it was read, with what it is known by."""

    id: str
    prompt: str
    row: Mapping[str, Any]


def read_problem_rows(path: str, columns: Columns) -> list[ProblemRow]:
    """The rows of a problem file, whatever else is in them, the answers too.

    Raises:
        ValueError: If the file cannot be read, or a row has no id, no prompt or an id that another
            row has; naming the file and the row.
    """
    problems: list[ProblemRow] = []
    first: dict[str, int] = {}
    for number, row in read_rows(path):
        try:
            key, prompt = id_and_prompt(row, columns)
            if key in first:
                raise BadRowError(f"id {key!r} was taken by row {first[key]}")
        except BadRowError as error:
            raise ValueError(f"{path}, row {number}: {error}") from error
        first[key] = number
        problems.append(ProblemRow(key, prompt, row))
    if not problems:
        raise ValueError(f"{path} holds no problems")
    return problems


def read_bytes(path: str) -> bytes:
    """The content of a file by path or fsspec URL.

    Raises:
        ValueError: If it cannot be read, naming it.
    """
    with _opened(path) as file:
        return file.read()


def read_rows(path: str) -> Iterator[Row]:
    """The rows of a file by path or fsspec URL, as :func:`parse_rows` reads them.

    Raises:
        ValueError: If it cannot be read, its suffix is unknown or its content is not what the
            suffix says; naming the file.
    """
    with _opened(path) as file:
        yield from parse_rows(file, path)


def parse_rows(file: BinaryIO, path: str) -> Iterator[Row]:
    """Numbered rows of a JSON (a list), JSONL, CSV or Parquet file, told apart by its suffix.

    All but JSON are read piece by piece. Numbers count from 1; in JSONL and CSV the number is the
    line's, blank lines left out, where a CSV row that spans several lines has its last one's.

    Args:
        file: Open for reading.
        path: Its name, for the suffix and for messages.

    Raises:
        ValueError: If the suffix is unknown or the content is not what the suffix says.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in _READERS:
        raise ValueError(f"{path}: suffix {suffix!r} is none of {', '.join(_READERS)}")
    try:
        yield from _READERS[suffix](file)
    except (json.JSONDecodeError, UnicodeDecodeError, csv.Error, _NotRowsError) as error:
        raise ValueError(f"{path} is no {suffix} file of rows: {error}") from error


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    try:
        file = fsspec.open(path, "rb").open()
    except FileNotFoundError as error:
        raise ValueError(f"no file {path}; relative paths start at the working folder") from error
    except (OSError, ImportError, ValueError) as error:
        raise ValueError(f"{path} could not be read: {error}") from error
    with file:
        try:
            yield file
        except OSError as error:
            raise ValueError(f"{path} could not be read: {error}") from error


class _NotRowsError(Exception):
    pass


def _json(file: BinaryIO) -> Iterator[Row]:
    rows = json.loads(file.read())
    if not isinstance(rows, list):
        raise _NotRowsError(f"it holds one {type(rows).__name__}, expected a list of objects")
    yield from enumerate(rows, start=1)


def _jsonl(file: BinaryIO) -> Iterator[Row]:
    # Split at line feeds only: str.splitlines also cuts at U+2028, which JSON strings may hold.
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise _NotRowsError(f"line {number}: {error}") from error


def _csv(file: BinaryIO) -> Iterator[Row]:
    reader = csv.DictReader(codecs.iterdecode(file, "utf-8-sig"), strict=True)
    for row in reader:
        if None in row or None in row.values():
            expected = len(reader.fieldnames or ())
            raise _NotRowsError(f"line {reader.line_num}: expected {expected} fields")
        yield reader.line_num, row


def _parquet(file: BinaryIO) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        number = 0
        for batch in pyarrow.parquet.ParquetFile(file).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pyarrow.ArrowException as error:
        raise _NotRowsError(str(error)) from error


_READERS: dict[str, Callable[[BinaryIO], Iterator[Row]]] = {
    ".json": _json,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
    ".parquet": _parquet,
}
