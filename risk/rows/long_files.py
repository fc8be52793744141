"""Long files of ours: known by a stamp, read as they lie on the disk, copied by the kernel."""

import contextlib
import errno
import mmap
import os
from pathlib import Path
from typing import IO, Any

from risk import files
from risk.errors import InputMissing

AT_ONCE = 2**20  # bytes
Note = dict[str, Any]  # what ingestion.json says of such a file


class Unusable(Exception):
    """What stands in such a file cannot be used; the message is the reason."""


def stamp(path: Path) -> list[int]:
    """What is another one for a file that anybody has changed, and for a copy of it."""
    return _stamp(path.stat())


def _stamp(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def can_grow(path: Path) -> bool:
    """Whether a file can be appended to, and nobody else has it under another name."""
    return os.access(path, os.W_OK) and not path.is_symlink() and path.stat().st_nlink == 1


def content(path: Path, made_by: str) -> memoryview:
    """A file's content as it lies on the disk; if it is missing, the error says what makes it."""
    try:
        with path.open("rb") as file:
            return _mapped(file)
    except FileNotFoundError:
        raise InputMissing(f"{files.short(path)} is missing; run python {made_by} first") from None


def content_of(path: Path, its_stamp: list[int] | None) -> memoryview | None:
    """The same, if the file has this stamp."""
    if its_stamp is None or stamp(path) != its_stamp:  # nor is it opened, whatever it is
        return None
    with path.open("rb") as file:
        return _mapped(file) if has_stamp(file, its_stamp) else None


def has_stamp(file: IO[bytes], its_stamp: list[int]) -> bool:
    """Whether an opened file has this stamp."""
    return _stamp(os.fstat(file.fileno())) == its_stamp


def _mapped(file: IO[bytes]) -> memoryview:
    if not os.fstat(file.fileno()).st_size:
        return memoryview(b"")
    return memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))


def copy(source: IO[bytes], target: IO[bytes], begin: int = 0) -> None:
    """Copy all from this byte on to the same place, without a way through this process."""
    target.flush()
    at, end = begin, os.fstat(source.fileno()).st_size
    with contextlib.suppress(OSError):  # not every file system can
        while at < end and (
            copied := os.copy_file_range(source.fileno(), target.fileno(), end - at, at, at)
        ):
            at += copied
    source.seek(at)
    target.seek(at)
    while block := source.read(min(AT_ONCE, end - target.tell())):
        target.write(block)
    if target.tell() < end:
        raise OSError(errno.EIO, "it became shorter while it was copied", source.name)
