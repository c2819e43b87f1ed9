import hashlib
import json

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from limr.data import Columns, FileProblems, HubProblems

ROWS = [
    {"id": "a", "prompt": "1+1", "answer": "2"},
    {"id": "b", "prompt": "line\u2028separator", "answer": "27.0"},
]
QUESTIONS = Columns(id=None, prompt="question")


def write(path, rows=ROWS):
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n")
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return str(path)


@pytest.mark.parametrize("name", ["p.json", "p.jsonl", "p.parquet"])
def test_every_format_gives_the_same_problems(tmp_path, name):
    problems = FileProblems(write(tmp_path / name)).load()
    assert [(p.id, p.prompt, p.answer) for p in problems] == [tuple(r.values()) for r in ROWS]


def test_fsspec_urls_are_read():
    import fsspec

    with fsspec.open("memory://problems/p.jsonl", "w") as file:
        file.write(json.dumps(ROWS[0]))
    assert [p.id for p in FileProblems("memory://problems/p.jsonl").load()] == ["a"]


def test_the_digest_is_checked(tmp_path):
    path = write(tmp_path / "p.json")
    digest = hashlib.sha256((tmp_path / "p.json").read_bytes()).hexdigest()
    assert len(FileProblems(path, sha256=digest.upper()).load()) == 2
    with pytest.raises(ValueError, match=rf"p\.json has sha256 {digest}, expected {'0' * 64}"):
        FileProblems(path, sha256="0" * 64).load()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.json", "{", r"p\.json is no \.json file of rows: Expecting"),
        ("p.json", '{"a": 1}', "it holds one dict, expected a list"),
        ("p.jsonl", '\n{"id": "a"\n', r"p\.jsonl is no \.jsonl file of rows: line 2"),
        ("p.parquet", "no parquet", r"p\.parquet is no \.parquet file"),
        ("p.xlsx", "a,b", r"suffix '\.xlsx' is none of \.json, \.jsonl"),
        ("p.json", '["1+1"]', "row 1: is of type str, expected an object"),
    ],
)
def test_a_file_that_is_not_what_its_suffix_says_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        FileProblems(str(tmp_path / name)).load()


def test_text_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "p.jsonl").write_bytes(b'{"id": "\xff"}')
    with pytest.raises(ValueError, match=r"p\.jsonl is no \.jsonl file of rows: line 1: 'utf-8'"):
        FileProblems(str(tmp_path / "p.jsonl")).load()


def test_jsonl_rows_are_named_by_their_line(tmp_path):
    (tmp_path / "p.jsonl").write_text('\n\n{"id": "a", "prompt": "", "answer": "1"}\n')
    with pytest.raises(ValueError, match=r"p\.jsonl: 1 bad row\(s\): row 3: prompt"):
        FileProblems(str(tmp_path / "p.jsonl")).load()


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*absent\.json; relative paths start at"):
        FileProblems(str(tmp_path / "absent.json")).load()
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ValueError, match=r"folder\.json could not be read"):
        FileProblems(str(tmp_path / "folder.json")).load()
    with pytest.raises(ValueError, match="could not be read: Protocol not known"):
        FileProblems("nonsense://p.json").load()


@pytest.fixture
def hub_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "dataset"
    folder.mkdir()
    write(folder / "train.jsonl")
    write(folder / "test.jsonl", [{"id": "t", "prompt": "2+2", "answer": "4"}])
    return str(folder)


def test_a_dataset_folder_loads_by_split(hub_folder):
    assert [p.id for p in HubProblems(hub_folder, "train", id_prefix="x-").load()] == ["x-a", "x-b"]
    assert [p.id for p in HubProblems(hub_folder, "test").load()] == ["t"]


def test_dataset_errors_name_dataset_and_split(hub_folder):
    with pytest.raises(ValueError, match=r"dataset '.*', split 'dev', could not be loaded"):
        HubProblems(hub_folder, "dev").load()
    with pytest.raises(ValueError, match=r"dataset\[train\]: 2 bad row\(s\): row 1: no column"):
        HubProblems(hub_folder, "train", columns=QUESTIONS).load()
    with pytest.raises(ValueError, match="could not be loaded"):
        HubProblems(hub_folder + "/absent", "train").load()


def test_the_released_training_set_has_two_empty_golds(shared_data):
    path = str(shared_data / "limr" / "math.8k.json")
    with pytest.raises(ValueError, match=r"2 bad row\(s\): row 5055: answer .* row 5159: answer"):
        FileProblems(path).load()
    problems = FileProblems(path, on_bad_row="skip").load()
    assert len(problems) == 8521
    assert len({p.prompt.strip() for p in problems}) == 8520


@pytest.mark.parametrize(("name", "size"), [("aime24", 30), ("amc23", 40), ("math500", 500)])
def test_the_benchmarks_load_without_ids(shared_data, name, size):
    path = str(shared_data / "benchmarks" / f"{name}.jsonl")
    problems = FileProblems(path, columns=QUESTIONS, id_prefix=f"{name}-").load()
    assert len({p.id for p in problems}) == size
    assert all(p.id.startswith(f"{name}-") for p in problems)
