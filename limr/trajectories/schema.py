"""The columns of a store's files, in every version that limr reads."""

from collections.abc import Iterable, Sequence

import pyarrow

SCHEMA_VERSION = "2"
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
        pyarrow.field("reason", pyarrow.string()),
        pyarrow.field("response", pyarrow.string()),
    ],
    metadata={_VERSION_KEY: SCHEMA_VERSION.encode()},
)

_COLUMNS: dict[str, list[str]] = {
    "1": [name for name in SCHEMA.names if name != "reason"],
    "2": SCHEMA.names,
}
"""Of each version that can be read."""


def checked_columns(path: str, schema: pyarrow.Schema) -> list[str]:
    """The columns of a file's version.

    Raises:
        ValueError: Naming the file, if its version is unknown or its columns are not that one's.
    """
    version = (schema.metadata or {}).get(_VERSION_KEY, b"none").decode()
    if (columns := _COLUMNS.get(version)) is None:
        raise ValueError(
            f"{path} has trajectory format {version}, this limr reads {' and '.join(_COLUMNS)}"
        )
    expected = _described([SCHEMA.field(name) for name in columns])
    if (found := _described(schema)) != expected:
        raise ValueError(f"{path} is damaged: its columns are {found}; expected: {expected}")
    return columns


def completed(table: pyarrow.Table, wanted: Sequence[str], rows: int) -> pyarrow.Table:
    """A file's table in the wanted columns, with nulls in those that the file's version lacks.

    Args:
        table: As read, in the order of `wanted`.
        wanted: Columns of :data:`SCHEMA`.
        rows: Of the table; one without columns does not tell.
    """
    for place, name in enumerate(wanted):
        if name not in table.column_names:
            field = SCHEMA.field(name)
            table = table.add_column(place, field, pyarrow.nulls(rows, field.type))
    return table.replace_schema_metadata(SCHEMA.metadata)


def _described(fields: Iterable[pyarrow.Field]) -> str:
    return ", ".join(
        f"{field.name} {getattr(field.type, 'value_type', field.type)}"
        + " not null" * (not field.nullable)
        for field in fields
    )
