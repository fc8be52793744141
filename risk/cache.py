"""Results worth keeping: the content of files in memory, slow answers on disk for all workers."""

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
    """What was read from files, kept while their state is the same, if it is complete."""

    def __init__(
        self,
        read: Callable[[], Value],
        state: Callable[[], object],
        is_complete: Callable[[Value], bool] = lambda _: True,
    ) -> None:
        self.read, self.state, self.is_complete = read, state, is_complete
        self._lock = threading.Lock()
        self._held: tuple[object, Value] | None = None

    def now(self) -> Value:
        """What the files say at this moment; an error in reading them is not remembered."""
        held = self._held
        if held and held[0] == self.state():
            return held[1]
        with self._lock:
            state = self.state()  # before the reading, which may find newer files only
            if self._held and self._held[0] == state:
                return self._held[1]
            held = self._held = None  # a large table goes before the next one comes
            value = self.read()
            if self.is_complete(value):
                self._held = (state, value)
            return value


def state(path: Path, *in_its_place: Path) -> list[State | None]:
    """The state of a file; while it is missing, that of the files that count in its place."""
    own = _state(path)
    return [own] if own else [None, *map(_state, in_its_place)]


def _state(path: Path) -> State | None:
    """What distinguishes a file from the next one of its name.

    The next one may get its inode, size and mtime, but nobody can choose its ctime.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size


def folder() -> Path:
    """A temporary folder of this user, which nobody else can write to."""
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
    """Wait until no other thread or process of this user is inside."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder() / f"{name}.lock", flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def answer(name: str, about: str, seconds: float, make: Callable[[], Answer]) -> Answer:
    """The kept answer if it is recent enough and about the same thing, else a new one."""
    path = folder() / f"{name}.json"
    with one_at_a_time(name):
        known = recent(path, seconds)
        if known and known["about"] == about:
            return dict(known["value"])
        value = make()
        keep(path, {"about": about, "value": value})
    return value


def keep(path: Path, record: Answer) -> None:
    """Keep a record with the time at which it was made."""
    files.write_json(path, {"made": time.time(), **record})


def recent(path: Path, seconds: float) -> Answer | None:
    """A kept record, unless it is older than this, missing or damaged."""
    try:
        record = files.read_json(path, files.KINDS.get(path.name, shapes.ANSWER))
    except (ArtefactRefused, IsADirectoryError):
        return None
    is_recent = record is not None and 0 <= time.time() - record["made"] < seconds
    return record if is_recent else None
