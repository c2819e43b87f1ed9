"""Files that are either whole or not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Write a text file (UTF-8) that gets its name, in place of an older one, only when complete.

    Its folder is made when absent. After an exception the older file is as it was. What is no
    regular file, such as a pipe or a device, is written to directly.

    Raises:
        ValueError: If it cannot be opened for writing.
    """
    direct = path.exists() and not path.is_file()
    part = path if direct else path.resolve().with_name(path.name + ".part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error
    try:
        with file:
            yield file
        if not direct:
            part.replace(path.resolve())
    except BaseException:
        if not direct:
            part.unlink(missing_ok=True)
        raise
