"""Checkpoints on disk: whole or not there, each with a manifest by which damage is found.

A checkpoint is a file, or a folder where several processes save together. It is written under a
name that ends in `.part`, flushed to the disk, and only then gets its own name. Beside it lies its
manifest, ``step-00000012.ckpt.json``: where it comes from and the SHA-256 of each of its files.
"""

import hashlib
import json
import os
import re
import shutil
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from limr.files import whole_file

_NAME = re.compile(r"step-(\d+)\.ckpt")
_PART = ".part"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is known of a checkpoint without loading it."""

    step: int
    """Training steps done."""
    module: str
    """Class path of the module that was trained."""
    run_id: str | None
    """MLflow run, None where none was kept."""
    files: dict[str, str]
    """SHA-256 by path below the checkpoint; a checkpoint that is a file has the one path ``.``."""


def checkpoint_name(step: int) -> str:
    """The name of the checkpoint after `step` training steps."""
    return f"step-{step:08d}.ckpt"


def unfinished(target: Path) -> Path:
    """Where a checkpoint is written before it gets its name."""
    return target.with_name(target.name + _PART)


def contents(checkpoint: Path) -> list[str]:
    """The paths below a checkpoint, sorted; ``.`` alone for a file."""
    if checkpoint.is_file():
        return ["."]
    files = (path for path in checkpoint.rglob("*") if path.is_file())
    return sorted(path.relative_to(checkpoint).as_posix() for path in files)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(target: Path, manifest: Manifest) -> None:
    """Give the checkpoint that was written as :func:`unfinished` its name, in place of an older."""
    part = unfinished(target)
    for name in manifest.files:
        _flush(part / name)
    remove(target)
    with whole_file(_manifest_path(target)) as file:
        json.dump(asdict(manifest), file, indent=1)
    _flush(_manifest_path(target))
    part.rename(target)
    _flush(target.parent)


def point(link: Path, target: Path) -> None:
    """Let `link` name a checkpoint beside it, from one moment to the next."""
    part = unfinished(link)
    part.unlink(missing_ok=True)
    part.symlink_to(target.name)
    part.replace(link)
    _flush(link.parent)


def remove(checkpoint: Path) -> None:
    """Delete a checkpoint, its manifest last; one that is not there is no mistake."""
    if checkpoint.is_dir() and not checkpoint.is_symlink():
        shutil.rmtree(checkpoint)
    else:
        checkpoint.unlink(missing_ok=True)
    _manifest_path(checkpoint).unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what interrupted writes have left."""
    for path in folder.glob(f"*{_PART}"):
        remove(path)
    for path in folder.glob("step-*.ckpt.json"):
        if not path.with_suffix("").exists():
            path.unlink()


def kept(folder: Path) -> dict[int, Path]:
    """The folder's checkpoints by training steps done, in this order."""
    found = {int(m[1]): p for p in folder.glob("step-*.ckpt") if (m := _NAME.fullmatch(p.name))}
    return dict(sorted(found.items()))


def read_manifest(checkpoint: Path) -> Manifest | None:
    """A checkpoint's manifest, None when it has none.

    Raises:
        ValueError: If the manifest is damaged.
    """
    path = _manifest_path(checkpoint.resolve())
    if not path.exists():
        return None
    try:
        return Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error})") from error


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, None when nothing is found.

    Every byte is read where there is a manifest. A file without one (saved by other means) is only
    checked to be the archive that torch saves.
    """
    if not checkpoint.exists():
        return "there is no such file"
    try:
        manifest = read_manifest(checkpoint)
    except ValueError as error:
        return str(error)
    if manifest is None:
        broken = checkpoint.is_file() and not zipfile.is_zipfile(checkpoint)
        return "it is no checkpoint, or a damaged one" if broken else None
    for name, expected in manifest.files.items():
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing from it"
        if digest(path) != expected:
            return f"its content is not what was saved ({name}: SHA-256 differs)"
    return None


def previous_whole(checkpoint: Path) -> Path | None:
    """The newest undamaged checkpoint beside `checkpoint` that is older than it."""
    match = _NAME.fullmatch(checkpoint.resolve().name)
    older = kept(checkpoint.resolve().parent).items()
    for step, path in reversed(older):
        if (match is None or step < int(match[1])) and damage(path) is None:
            return path
    return None


def _manifest_path(checkpoint: Path) -> Path:
    return checkpoint.with_name(checkpoint.name + ".json")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
