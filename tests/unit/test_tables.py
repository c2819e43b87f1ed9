import json

import fsspec
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from limr.tables import read_rows

ROWS = [{"id": "a", "n": "1"}, {"id": "b", "n": "2\u2028"}]


def write(path, rows):
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=1)
    else:
        path.write_text("".join(json.dumps(row) + "\n\n" for row in rows))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("t.json", [1, 2]), ("t.jsonl", [1, 3]), ("t.CSV", [2, 3]), ("t.parquet", [1, 2])],
)
def test_every_kind_of_file_gives_the_same_rows(tmp_path, name, numbers):
    path = tmp_path / name.lower()
    write(path, ROWS)
    path = path.rename(tmp_path / name)
    assert list(read_rows(str(path))) == list(zip(numbers, ROWS, strict=True))


def test_rows_come_from_urls_too():
    with fsspec.open("memory://tables/t.jsonl", "w") as file:
        file.write('{"id": "a"}\n')
    assert list(read_rows("memory://tables/t.jsonl")) == [(1, {"id": "a"})]


def test_a_spreadsheets_mark_and_quoted_line_ends_are_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbfid,text\r\na,"two\r\nlines"\r\n')
    assert list(read_rows(str(path))) == [(3, {"id": "a", "text": "two\r\nlines"})]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "a,b\n1,2\n1\n", r"t\.csv is no \.csv file of rows: line 3: expected 2 fields"),
        ("t.csv", "a,b\n1,2,3\n", r"line 2: expected 2 fields"),
        ("t.csv", 'a,b\n1,"2\n', r"t\.csv is no \.csv file of rows"),
        ("t.jsonl", '{"a": 1}\n{"a"', r"t\.jsonl is no \.jsonl file of rows: line 2"),
        ("t.txt", "a", r"t\.txt: suffix '\.txt' is none of \.json, \.jsonl"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        list(read_rows(str(path)))


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    write(path, ROWS)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"t\.parquet is no \.parquet file of rows"):
        list(read_rows(str(path)))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*t\.json; relative paths"):
        list(read_rows(str(tmp_path / "t.json")))
