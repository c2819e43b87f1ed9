"""Files that are whole or not there, full disks, and what one process keeps for itself."""

import errno
import fcntl
import os
import shutil
import socket
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
        ValueError: If it cannot be opened for writing, or the disk is full.
    """
    direct = path.exists() and not path.is_file()
    part = path if direct else path.resolve().with_name(path.name + ".part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error
    try:
        with naming_full_disk(path), file:
            yield file
        if not direct:
            part.replace(path.resolve())
    except BaseException:
        if not direct:
            part.unlink(missing_ok=True)
        raise


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Turn what a full disk makes libraries raise, while they write to `path`, into one message.

    Raises:
        ValueError: If the disk is full, or the user's part of it.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, ValueError):  # limr's own errors say what is wrong
        raise
    except BaseException as error:  # torch.distributed's CheckpointException is no Exception
        if not _disk_is_full(error, path.parent):
            raise
        raise ValueError(
            f"cannot write {path}: its disk is full; make room and start again (a run goes on by "
            "--ckpt_path last)"
        ) from error


_NO_ROOM = 4096
"""Free bytes below which a failure to write is put down to a full disk: torch does not say why."""


def _disk_is_full(error: BaseException, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return folder.exists() and shutil.disk_usage(folder).free < _NO_ROOM


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process is in here with the same lock file, which stays behind.

    Raises:
        ValueError: If the lock cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class FolderLock:
    """Keeps a folder for one process; a lock whose holder has died, however, does not bind.

    The lock is the kernel's (flock) on the file `.lock`, which names the holder and stays behind.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder, made when absent.

        Raises:
            ValueError: If another process, or another lock of this one, has it, or the lock cannot
                be written.
        """
        path = folder / ".lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise ValueError(f"cannot write {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "holder unknown"
            self._file.close()
            raise ValueError(
                f"{folder} is in use by another run ({holder}); wait for it, stop it, or set "
                "another trainer.default_root_dir"
            ) from error
        self._file.truncate(0)
        self._file.write(f"host {socket.gethostname()}, pid {os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Give the folder back; again does no harm."""
        self._file.close()
