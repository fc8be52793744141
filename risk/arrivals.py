"""What lies in an input folder, which of it was seen before, and a file's content at one moment."""

import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from risk.errors import ArtefactRefused, InputMissing

FRESH_SECONDS = 60
ENTRY = {"name", "size", "mtime_ns", "sha256", "rows", "accepted", "rejected"}


class Arrival(NamedTuple):
    """One file of the input folder, as a look from outside knows it."""

    name: str
    size: int
    mtime_ns: int


class Seen(NamedTuple):
    """What a release or a judgement has looked at; bare names count whatever the file holds now."""

    files: frozenset[Arrival] = frozenset()
    names: frozenset[str] = frozenset()

    def __or__(self, other: "Seen") -> "Seen":
        return Seen(self.files | other.files, self.names | other.names)


class Listing(NamedTuple):
    """The CSV files of a folder in natural order, and a sentence for each that is passed over."""

    files: list[Arrival]
    passed_over: list[str]


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that puts dataset9 before dataset10."""
    parts = re.split(r"([0-9]+)", name)
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def listing(folder: Path) -> Listing:
    """Look at a folder without opening a file."""
    files, passed_over = [], []
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: natural(entry.name))
    except (FileNotFoundError, NotADirectoryError):
        raise InputMissing(f"there is no folder {folder.name}/") from None
    for entry in found:
        if not entry.name.lower().endswith(".csv"):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if reason := _unfit(entry.name, status):
            shown = os.fsencode(entry.name).decode(errors="backslashreplace")
            passed_over.append(f"{shown} is passed over: {reason}")
        else:
            files.append(Arrival(entry.name, status.st_size, status.st_mtime_ns))
    return Listing(files, passed_over)


def _unfit(name: str, status: os.stat_result) -> str | None:
    """Why this is not a file to read."""
    if name.startswith("."):
        return "its name begins with a dot"
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if any(sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in name):
        return "its name holds control characters or is not UTF-8"
    return None


def unseen(files: Iterable[Arrival], seen: Seen) -> list[Arrival]:
    """The files that nobody has looked at as they are now."""
    return [
        arrival for arrival in files if arrival not in seen.files and arrival.name not in seen.names
    ]


class Snapshot(NamedTuple):
    """A file's whole content, read while nobody wrote to it."""

    arrival: Arrival
    content: bytes
    fresh: bool


class StillChanging(Exception):
    """The file cannot be read whole just now; it waits for the next run."""


def snapshot(path: Path) -> Snapshot:
    """Read a regular file, and refuse to when it changes meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise StillChanging(f"it cannot be opened ({error.strerror})") from error
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        raise StillChanging("it is no longer a regular file")
    with os.fdopen(descriptor, "rb") as handle:
        content = handle.read()
        after = os.fstat(descriptor)
    moments = {(s.st_size, s.st_mtime_ns) for s in (before, after)}
    if len(moments) > 1 or len(content) != after.st_size:
        raise StillChanging("it changed while it was read")
    fresh = abs(time.time() - after.st_mtime) < FRESH_SECONDS
    return Snapshot(Arrival(path.name, after.st_size, after.st_mtime_ns), content, fresh)


def entries(ingestion: dict[str, Any]) -> list[dict[str, Any]]:
    """The files in an ingestion.json."""
    found = ingestion.get("files")
    if not isinstance(found, list) or not all(
        isinstance(entry, dict) and entry.keys() >= ENTRY for entry in found
    ):
        raise ArtefactRefused("ingestion.json is damaged; remove it and run python ingestion.py")
    return found


def to_json(seen: Seen) -> list[list[Any]]:
    """What was seen, as records keep it."""
    return [list(arrival) for arrival in sorted(seen.files)] + [[n] for n in sorted(seen.names)]


def from_json(rows: Iterable[list[Any]]) -> Seen:
    """What was seen, out of a record."""
    rows = list(rows)
    return Seen(
        frozenset(Arrival(*row) for row in rows if len(row) == 3),
        frozenset(row[0] for row in rows if len(row) == 1),
    )
