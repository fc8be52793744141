"""What lies in an input folder, which of it was seen before, and a file's content at one moment."""

import contextlib
import fcntl
import logging
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from risk import files
from risk.errors import InputMissing
from risk.settings import Settings

FRESH_SECONDS = 60
SETTLING_SECONDS = 2
UNREADABLE = "it cannot be opened"
MEGABYTE = 1024 * 1024

Looked = tuple[str, int, int]  # an Arrival, of which an idle run may make a hundred thousand
LOOKED_AT = itemgetter("name", "size", "mtime_ns")  # of an entry in ingestion.json

log = logging.getLogger("risk.input_folder")


class Arrival(NamedTuple):
    """One file of the input folder, as the folder lists it."""

    name: str
    size: int
    mtime_ns: int


class Seen(NamedTuple):
    """What a release or a judgement has looked at; a bare name stands for any content."""

    files: frozenset[Looked] = frozenset()
    names: frozenset[str] = frozenset()

    def has(self, file: Looked) -> bool:
        """Whether this file was looked at as it is now."""
        return file in self.files or file[0] in self.names

    def __or__(self, other: "Seen") -> "Seen":
        return Seen(self.files | other.files, self.names | other.names)


class Listing:
    """The CSV files of a folder as it lists them, and a sentence on each that is passed over."""

    def __init__(self, found: list[Looked], passed_over: list[str]) -> None:
        self.found = found
        self.passed_over = passed_over

    @cached_property
    def files(self) -> list[Arrival]:
        """The files in natural order, which costs most of the time and few ask for."""
        return in_order(self.found)


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that puts dataset9 before dataset10."""
    parts = re.split(r"([0-9]+)", name)
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def listing(folder: Path) -> Listing:
    """Look at a folder without opening a file."""
    try:
        with os.scandir(folder) as entries:
            return _listed(entries)
    except (FileNotFoundError, NotADirectoryError):
        raise InputMissing(f"there is no folder {folder.name}/") from None


def _listed(entries: Iterable["os.DirEntry[str]"]) -> Listing:
    found: list[Looked] = []
    unfit: list[tuple[str, str]] = []
    for entry in entries:
        name = entry.name
        if not name.lower().endswith(".csv"):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if reason := _unfit(name, status):
            unfit.append((name, reason))
        else:
            found.append((name, status.st_size, status.st_mtime_ns))
    unfit.sort(key=lambda each: natural(each[0]))
    return Listing(found, [f"{_legible(name)} is passed over: {reason}" for name, reason in unfit])


def _legible(name: str) -> str:
    return os.fsencode(name).decode(errors="backslashreplace")


def in_order(files: Iterable[Looked]) -> list[Arrival]:
    """These files in natural order of their names."""
    return [Arrival(*file) for file in sorted(files, key=lambda file: natural(file[0]))]


def _unfit(name: str, status: os.stat_result) -> str | None:
    """Why this is not a file to read."""
    if name.startswith("."):
        return "its name begins with a dot"
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if status.st_nlink > 1:
        return "it is a hard link, another name of a file that may lie elsewhere"
    if name.isprintable():
        return None
    if any(sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in name):
        return "its name holds control characters or is not UTF-8"
    return None


def unseen(files: Iterable[Looked], seen: Seen) -> list[Arrival]:
    """The files that are new, or have changed since they were looked at, in natural order."""
    new = [file for file in files if file not in seen.files]  # nothing, as a rule
    return in_order(file for file in new if not seen.has(file))


class Snapshot(NamedTuple):
    """A file's whole content, read while nobody wrote to it."""

    arrival: Arrival
    content: bytes


class StillChanging(Exception):
    """The file cannot be read whole just now; it waits for the next run."""


class TooLarge(Exception):
    """The file is larger than config.json allows; the message is the reason."""


class Unreadable(Exception):
    """The system does not let us open the file; the message is the reason."""


def judge_size(size: int, most_mb: int) -> None:
    """Refuse a file that is too large to be read."""
    if size > most_mb * MEGABYTE:
        raise TooLarge(
            f"it has {size:,} bytes, more than the {most_mb} MB that largest_file_mb allows"
        )


def snapshot(path: Path, most_mb: int) -> Snapshot:
    """Read a regular file, and refuse to when it is too large or changes meanwhile."""
    with _opened(path) as descriptor:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise StillChanging("it is no longer a regular file")
        judge_size(before.st_size, most_mb)
        with os.fdopen(descriptor, "rb", closefd=False) as handle:
            content = handle.read(before.st_size + 1)
        after = os.fstat(descriptor)
    moments = {(s.st_size, s.st_mtime_ns) for s in (before, after)}
    if len(moments) > 1 or len(content) != after.st_size:
        raise StillChanging("it changed while it was read")
    return Snapshot(Arrival(path.name, after.st_size, after.st_mtime_ns), content)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A descriptor to read a file from."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError as error:
        raise Unreadable(f"{UNREADABLE} ({error.strerror})") from error
    except OSError as error:
        raise StillChanging(f"{UNREADABLE} ({error.strerror})") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def can_be_opened(path: Path) -> bool:
    """Whether the system lets us open a file."""
    try:
        with _opened(path):
            return True
    except (StillChanging, Unreadable):
        return False


def judge_delivery(path: Path, taken: Snapshot) -> None:
    """Refuse a file that its writer may not have finished, even if it did not change while read.

    A file that changed a moment ago is looked at again a moment later.
    """
    moment = taken.arrival.mtime_ns / 1e9
    is_fresh = abs(time.time() - moment) < FRESH_SECONDS
    if is_fresh and taken.content and not taken.content.endswith((b"\n", b"\r")):
        raise StillChanging("its last line has no end yet")
    if 0 < (left := moment + SETTLING_SECONDS - time.time()) <= SETTLING_SECONDS:
        time.sleep(left)
    with _opened(path) as descriptor:
        has_writer = _has_writer(descriptor)
        status = os.fstat(descriptor)
    if has_writer or (has_writer is None and is_fresh):
        raise StillChanging(f"it {'is' if has_writer else 'may be'} still open for writing")
    if (status.st_size, status.st_mtime_ns) != taken.arrival[1:]:
        raise StillChanging(f"it changed within the last {SETTLING_SECONDS} seconds")


def _has_writer(descriptor: int) -> bool | None:
    """Whether somebody has a file open for writing; None where the system does not tell.

    The kernel refuses a read lease on such a file. If somebody opens it while we hold the lease,
    we get a signal: SIGURG, which is ignored by default.
    """
    import signal  # an idle run opens no file and loads no such module

    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:  # another owner's file, a file system over a network
        return None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def ctime_ns(path: Path) -> int:
    """When a file was last changed in any way, a moment that nobody can set; 0 if it is gone."""
    try:
        return path.lstat().st_ctime_ns
    except OSError:
        return 0


def of(entry: dict[str, Any]) -> Arrival:
    """The file of an entry in ingestion.json."""
    return Arrival(*LOOKED_AT(entry))


def has_rows(entry: dict[str, Any]) -> bool:
    """Whether a file has any good row, repetitions included."""
    return bool(entry["rows"] > entry["rejected"])


def is_unreadable(reason: str | None) -> bool:
    """Whether a file is refused whole because it could not be opened."""
    return bool(reason) and str(reason).startswith(UNREADABLE)


def lies_there_still(folder: Path, entry: dict[str, Any]) -> bool:
    """Whether a file of an ingestion.json is as it was when it was looked at."""
    try:
        status = (folder / entry["name"]).lstat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (entry["size"], entry["mtime_ns"])


def to_json(seen: Seen) -> list[list[Any]]:
    """What was seen, as records keep it."""
    return [list(file) for file in sorted(seen.files)] + [[n] for n in sorted(seen.names)]


def from_json(rows: list[list[Any]]) -> Seen:
    """What was seen, out of a record."""
    return Seen(
        frozenset(tuple(row) for row in rows if len(row) == 3),
        frozenset(row[0] for row in rows if len(row) == 1),
    )


def say_passed_over(settings: Settings, sentences: list[str], *, again: bool = False) -> None:
    """Warn of what is passed over; what the run before has said already only if `again`."""
    path = settings.output_folder_path / files.PASSED_OVER
    lines = {ascii(sentence).encode(): sentence for sentence in sentences}
    before = path.read_bytes().splitlines() if path.exists() else []
    for line, sentence in lines.items():
        if again or line not in before:
            log.warning("%s", sentence)
    if set(before) != set(lines) and path.parent.is_dir():  # a step that fails leaves no folder
        files.write_bytes(path, b"\n".join(lines))
