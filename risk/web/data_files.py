"""Opening the data files that a request names, and nothing else."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence

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


class DataFiles:
    """The files below the data folders of a project."""

    def __init__(self, settings: Settings) -> None:
        self.workspace = str(settings.workspace)
        practice = settings.workspace / PRACTICE
        folders = (settings.input_folder_path, settings.test_data_path, practice)
        names = [folder.relative_to(settings.workspace).as_posix() for folder in folders]
        self.folders = list(dict.fromkeys(names))

    def read(self, filepath: str, most_bytes: int) -> bytes:
        """The content of one of them."""
        try:
            with _opened(self.workspace, self._components(filepath)) as (descriptor, size):
                if size > most_bytes:
                    raise _too_large(most_bytes)
                content = os.read(descriptor, size + 1)
        except OSError as error:
            if error.errno in OUTSIDE:
                raise self._outside() from None
            raise
        if len(content) != size:
            raise RequestRefused("still_changing", "the dataset is being written; ask again", 409)
        return content

    def _outside(self) -> RequestRefused:
        """The same refusal for every other path, so that it does not tell which files exist."""
        return RequestRefused(
            "no_such_dataset",
            "there is no such dataset: 'filepath' must name a .csv file below "
            + ", ".join(self.folders),
            404,
        )

    def _components(self, filepath: str) -> list[str]:
        """The path as names below the workspace, which a leading slash also means."""
        names = [name for name in filepath.split("/") if name not in ("", ".")]
        is_plain = len(filepath) <= LONGEST_PATH and filepath.isprintable() and "\\" not in filepath
        is_csv = filepath.lower().endswith(".csv")
        if not is_plain or not is_csv or any(name.startswith(".") for name in names):
            raise self._outside()
        for folder in self.folders:
            inside = [] if folder == "." else folder.split("/")
            if len(names) > len(inside) and names[: len(inside)] == inside:
                return names
        raise self._outside()


def _too_large(most_bytes: int) -> RequestRefused:
    return RequestRefused("too_large", f"the dataset is larger than {most_bytes} bytes", 413)


@contextlib.contextmanager
def _opened(workspace: str, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """An open file and its size; a link anywhere in the path is refused."""
    folder = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            inner = os.open(name, FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        descriptor = os.open(names[-1], FILE, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise FileNotFoundError(errno.ENOENT, "not a regular file, or one with several names")
        yield descriptor, status.st_size
    finally:
        os.close(descriptor)
