"""One run at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from risk.errors import RunInProgress


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold this lock file, or refuse at once; the system lets go of it however the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunInProgress(
                f"another run holds {path.parent.name}/{path.name}; nothing was touched, "
                "try again when it has ended"
            ) from None
        yield
    finally:
        os.close(descriptor)
