"""Opening the data files that a request names, and nothing else."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from risk.errors import RequestRefused
from risk.settings import Settings

PRACTICE = "practicedata"
LONGEST_PATH = 1000
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
OUTSIDE = {
    *(errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM),
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.ENXIO, errno.ENODEV),
}


def data_folders(settings: Settings) -> list[str]:
    """The folders whose files may be named, relative to the workspace."""
    folders = (settings.input_folder_path, settings.test_data_path, settings.workspace / PRACTICE)
    names = [folder.relative_to(settings.workspace).as_posix() for folder in folders]
    return list(dict.fromkeys(names))


def read(filepath: str, settings: Settings, most_bytes: int) -> bytes:
    """The content of a dataset below the data folders."""
    try:
        with _opened(_components(filepath, settings), settings) as handle:
            content = handle.read(most_bytes + 1)
            after = os.fstat(handle.fileno())
    except OSError as error:
        if error.errno in OUTSIDE:
            raise _outside(settings) from None
        raise
    if len(content) > most_bytes:
        raise RequestRefused("too_large", f"the dataset is larger than {most_bytes} bytes", 413)
    if len(content) != after.st_size:
        raise RequestRefused("still_changing", "the dataset is being written; ask again", 409)
    return content


def _outside(settings: Settings) -> RequestRefused:
    """One and the same answer for all that may not be opened, lest it tell what is there."""
    return RequestRefused(
        "no_such_dataset",
        f"there is no such dataset: 'filepath' must name a .csv file below "
        f"{', '.join(data_folders(settings))}",
        404,
    )


def _components(filepath: str, settings: Settings) -> list[str]:
    """The names on the way from the workspace to the file; a leading slash means the workspace."""
    names = [name for name in filepath.split("/") if name not in ("", ".")]
    is_plain = len(filepath) <= LONGEST_PATH and filepath.isprintable() and "\\" not in filepath
    is_csv = filepath.lower().endswith(".csv")
    if not is_plain or not is_csv or any(name.startswith(".") for name in names):
        raise _outside(settings)
    for folder in data_folders(settings):
        inside = [] if folder == "." else folder.split("/")
        if len(names) > len(inside) and names[: len(inside)] == inside:
            return names
    raise _outside(settings)


@contextlib.contextmanager
def _opened(names: Sequence[str], settings: Settings) -> Iterator[BinaryIO]:
    """The file at the end of a way of real folders: no link on it is followed, whoever flips it."""
    folder = os.open(settings.workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            inner = os.open(name, FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        descriptor = os.open(names[-1], FILE, dir_fd=folder)
    finally:
        os.close(folder)
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _outside(settings)
        yield handle
