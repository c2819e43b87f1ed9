import errno
import os
import threading
from types import SimpleNamespace

import pytest

from limr.files import naming_full_disk, whole_file


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "file.jsonl"
    with whole_file(path) as file:
        file.write("first\n")
        assert not path.exists()
        file.write("é\n")
    assert path.read_bytes() == "first\né\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["file.jsonl"]


def test_after_an_exception_the_older_file_is_as_it_was(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("older")

    def fail():
        with whole_file(path) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [
        ("file.txt", "older")
    ]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    target.write_text("older")
    link.symlink_to(target)
    with whole_file(link) as file:
        file.write("newer")
    assert link.is_symlink()
    assert target.read_text() == "newer"


def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    reader.start()
    with whole_file(pipe) as file:
        file.write("row\n")
    reader.join(timeout=10)
    assert heard == ["row\n"]
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"cannot write .*: Is a directory"), whole_file(tmp_path):
        pass
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "below"
    with pytest.raises(ValueError, match=r"cannot write .*below: "), whole_file(below):
        pass


@pytest.mark.parametrize(
    ("error", "free", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 10**9, ValueError),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 10**9, ValueError),
        (RuntimeError("unexpected pos 576 vs 534"), 0, ValueError),  # torch's words for it
        (RuntimeError("unexpected pos 576 vs 534"), 10**9, RuntimeError),
        (OSError(errno.EIO, "Input/output error"), 10**9, OSError),
        (KeyboardInterrupt(), 0, KeyboardInterrupt),
    ],
)
def test_a_full_disk_is_told_from_other_failures(tmp_path, monkeypatch, error, free, told):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(told) as raised, naming_full_disk(tmp_path / "file"):
        raise error
    if told is ValueError:
        assert str(raised.value).startswith(f"cannot write {tmp_path / 'file'}: its disk is full;")
