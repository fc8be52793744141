"""A file's content in memory, read again only when another file has taken its place."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

Value = TypeVar("Value")
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
