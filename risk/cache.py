"""Results that are kept: a file's content in this process, slow answers for all workers."""

import contextlib
import fcntl
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from risk import files, shapes
from risk.errors import ArtefactRefused

Value = TypeVar("Value")
Answer = dict[str, Any]
State = tuple[int, int, int, int]


class Remembered(Generic[Value]):
    """What a file says, as long as it is the file that was read."""

    def __init__(self, path: Path, read: Callable[[Path], Value]) -> None:
        self.path, self.read = path, read
        self._lock = threading.Lock()
        self._held: tuple[State | None, Value] | None = None

    def now(self) -> Value:
        """What the file says at this moment; what prevents the reading is not remembered."""
        with self._lock:
            state = _state(self.path)  # before the reading, which may find a newer file only
            if not self._held or state is None or self._held[0] != state:
                self._held = None
                self._held = (state, self.read(self.path))
            return self._held[1]


def _state(path: Path) -> State | None:
    try:
        return state_of(path.stat())
    except OSError:
        return None


def state_of(status: os.stat_result) -> State:
    """What tells a file from the next one of its name."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def folder() -> Path:
    """A folder of this user's own among the temporary files, which nobody else can write to."""
    path = Path(tempfile.gettempdir()) / f"risk-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not is_ours or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ArtefactRefused(f"{path} is not a folder that only this user can write to")
    return path


@contextlib.contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Wait until nobody else, in whatever thread or process of this user, does the same."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder() / f"{name}.lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def answer(name: str, about: str, seconds: float, make: Callable[[], Answer]) -> Answer:
    """The kept answer while it is young and about the same, else a new one."""
    path = folder() / f"{name}.json"
    with one_at_a_time(name):
        known = recent(path, seconds)
        if known and known["about"] == about:
            return dict(known["value"])
        value = make()
        keep(path, {"about": about, "value": value})
    return value


def keep(path: Path, record: Answer) -> None:
    """Keep a record with the moment of its making."""
    files.write_json(path, {"made": time.time(), **record})


def recent(path: Path, seconds: float) -> Answer | None:
    """A record that was kept no longer ago than this; a damaged one is none."""
    try:
        record = files.read_json(path, files.KINDS.get(path.name, shapes.ANSWER))
    except (ArtefactRefused, IsADirectoryError):
        return None
    is_recent = record is not None and 0 <= time.time() - record["made"] < seconds
    return record if is_recent else None
