"""Long files of ours: known by a stamp, read as they lie on the disk, copied by the kernel."""

import mmap
import os
from pathlib import Path
from typing import IO, Any

AT_ONCE = 2**20  # bytes
Note = dict[str, Any]  # what ingestion.json says of such a file


class Unusable(Exception):
    """What stands in such a file cannot be used; the message is the reason."""


def stamp(path: Path) -> list[int]:
    """What changes when anybody changes a file; a copy may have the same."""
    return _stamp(path.stat())


def _stamp(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns]


def can_grow(path: Path) -> bool:
    """Whether a file can be appended to, and nobody else has it under another name."""
    return os.access(path, os.W_OK) and not path.is_symlink() and path.stat().st_nlink == 1


def mapped(path: Path, its_stamp: list[int]) -> mmap.mmap | None:
    """A file's content as it lies on the disk, if the file has this stamp and is not empty."""
    with path.open("rb") as file:
        if _stamp(os.fstat(file.fileno())) == its_stamp and its_stamp[0]:
            return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    return None


def copy(source: IO[bytes], target: IO[bytes], begin: int = 0) -> None:
    """Copy all from this byte on to the same place, without a way through this process."""
    target.flush()
    at, end = begin, os.fstat(source.fileno()).st_size
    try:
        while at < end:
            at += os.copy_file_range(source.fileno(), target.fileno(), end - at, at, at)
    except OSError:  # not every file system can
        source.seek(at)
        target.seek(at)
        while block := source.read(AT_ONCE):
            target.write(block)
    target.seek(end)
