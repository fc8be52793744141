"""What can be read of a table in a SQLite file that is damaged and was set aside."""

import glob
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from risk import files
from risk.records.pending import Row

MOST_UNREADABLE = 20_000  # rows one after another, more than a few damaged pages can hide
SIDECARS = ("-shm", "-wal", "")  # the file itself last, so that no new one meets old sidecars
PREPARATIONS = ("trusted_schema = OFF", "writable_schema = ON", "cell_size_check = ON")
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)


class SetAside(NamedTuple):
    """A damaged file beside the one in use: its name, its day, how many rows were carried over."""

    name: str
    day: str
    carried: int | None


def set_aside(path: Path) -> Path:
    """Rename a SQLite file and what belongs to it, and return its new name."""
    aside = files.aside_of(path)
    for suffix in SIDECARS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def asides(path: Path) -> list[Path]:
    """The damaged files that were set aside and still lie beside the one in use, oldest first."""
    return sorted(path.parent.glob(f"{glob.escape(path.name)}.*.damaged"))


def day(aside: Path) -> str:
    """The day on which a file was set aside, as its name has it."""
    return aside.name.rsplit(".", 2)[1].partition("T")[0]


def carried(aside: Path) -> int | None:
    """How many rows of it were carried over; None if that is still to be done."""
    try:
        return int(_note(aside).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def note_carried(aside: Path, count: int) -> None:
    """Note that so many rows of it were carried over, so that it is done once."""
    files.write_bytes(_note(aside), b"%d\n" % count)


def _note(aside: Path) -> Path:
    return aside.with_name(f"{aside.name}.carried")


def rows(
    aside: Path, select: str, is_sound: Callable[[Row], bool], make: Callable[[Path, int], None]
) -> list[Row]:
    """The rows that can be read and are sound, out of a copy, because opening a file may change it.

    If the first page is lost, it is taken from a whole file that is no smaller, which `make` makes:
    tables are always made in the same order, so they begin at the same places.
    """
    with tempfile.TemporaryDirectory(prefix="risk-") as folder:
        whole, copy = Path(folder) / "whole.db", Path(folder) / "copy.db"
        _copy(aside, copy, b"")
        if sound := list(_read(copy, select, is_sound)):
            return sound
        make(whole, aside.stat().st_size)
        _copy(aside, copy, _first_page(whole))
        return list(_read(copy, select, is_sound))


def _first_page(file: Path) -> bytes:
    with closing(sqlite3.connect(file)) as connection, file.open("rb") as opened:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        return opened.read(size)


def _copy(aside: Path, copy: Path, beginning: bytes) -> None:
    """Copy a file and its log, with other bytes at its beginning."""
    for path in copy.parent.glob(f"{copy.name}*"):
        path.unlink()
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(
                aside.with_name(aside.name + suffix), copy.with_name(copy.name + suffix)
            )
    with copy.open("r+b") as opened:
        opened.write(beginning)


def _read(copy: Path, select: str, is_sound: Callable[[Row], bool]) -> Iterator[Row]:
    """The rows of a file if it can be opened at all, even with a schema that contradicts it."""
    with closing(sqlite3.connect(copy)) as connection, suppress(*UNREADABLE):
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        connection.row_factory = sqlite3.Row
        for preparation in PREPARATIONS:
            connection.execute(f"PRAGMA {preparation}")
        connection.execute(f"EXPLAIN {select}", (0,))  # fails, if the table itself is lost
        yield from _sound(connection, select, is_sound)


def _sound(
    connection: sqlite3.Connection, select: str, is_sound: Callable[[Row], bool]
) -> Iterator[Row]:
    """The sound rows by their numbers, so that one that cannot be reached hides no later one."""
    number = unreadable = 0
    while unreadable < MOST_UNREADABLE:
        with suppress(*UNREADABLE):
            for row in map(dict, connection.execute(select, (number,))):
                if is_sound(row):
                    number, unreadable = max(number, row["rowid"]), 0
                    yield row
            return
        number, unreadable = number + 1, unreadable + 1
