"""The history in a SQLite file: how it begins, is found damaged, is rescued and copied."""

import logging
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

from risk import database, files, times
from risk.errors import InputMissing, ServiceDown
from risk.records import salvage, sql_tables
from risk.records.pending import Row
from risk.records.salvage import SetAside
from risk.records.sql_tables import contacts

CONTACTS = "SELECT rowid, * FROM contacts NOT INDEXED WHERE rowid >= ? ORDER BY rowid"
FILLER = "x" * 1_000_000

log = logging.getLogger("risk.history_file")


def begin(file: Path, *, is_expected: bool) -> None:
    """Begin a history if there is none; its file has tables at once, unlike an emptied one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists():
        return
    level = logging.INFO if is_expected else logging.WARNING
    log.log(level, "a new history begins in %s", files.short(file))
    draft = files.draft_of(file)
    draft.unlink(missing_ok=True)
    _make(draft)
    with suppress(OSError):  # somebody else has begun it meanwhile
        file.hardlink_to(draft)
    draft.unlink()


def _make(file: Path, size: int = 0) -> None:
    """Make a history without a run, with a file of at least this size."""
    text = dict.fromkeys(contacts.columns.keys(), "")
    filler = [{**text, "form": str(at), "note": FILLER} for at in range(-(-size // len(FILLER)))]
    with database.transaction(database.engine_of_file(file), writes=True) as connection:
        sql_tables.make_all(connection)
        sql_tables.insert(connection, contacts, filler)


def make_whole(file: Path) -> None:
    """Replace a damaged file by a new one with its contacts, which is said once, as an error."""
    problem = damage(file)
    if problem:
        salvage.set_aside(file)
    if carried := carry_over(file):
        raise database.FileDamaged(f"{files.short(file)} {problem or 'was damaged'}; {carried}")


def replace(file: Path) -> str:
    """Set a damaged file aside and carry its contacts over; return what was done as a sentence."""
    salvage.set_aside(file)
    return carry_over(file)


def carry_over(file: Path) -> str:
    """Take over the contacts of files that were set aside, each file once, and say so.

    If the run dies before the end, the next one does it.
    """
    sentences = []
    for aside in salvage.asides(file):
        if salvage.carried(aside) is None:
            rows = salvage.rows(aside, CONTACTS, _is_contact, _make)
            by_form = {row["form"]: row for row in rows}
            _add_contacts(file, by_form)
            salvage.note_carried(aside, len(by_form))
            begins = f"a new history begins with the {len(by_form):,} contacts that could be read"
            sentences.append(f"it is kept as {aside.name}, and {begins}")
    return "; ".join(sentences)


def _add_contacts(file: Path, by_form: Mapping[str, Row]) -> None:
    """Add the contacts whose forms are not there yet."""
    with database.transaction(database.engine_of_file(file), writes=True) as connection:
        sql_tables.make_all(connection)
        there = set(connection.execute(sa.select(contacts.c.form)).scalars())
        new = [row for form, row in by_form.items() if form not in there]
        sql_tables.insert(connection, contacts, new)


def _is_contact(row: Row) -> bool:
    """Whether what was read from a damaged file can be a contact."""
    fits = all(_fits(row.get(column.name), column.type) for column in contacts.c)
    return fits and times.parsed(row["contacted_at"]) is not None


def _fits(value: object, kind: object) -> bool:
    """Whether it is text for which a column of this kind has room."""
    longest = getattr(kind, "length", None) or sys.maxsize
    return isinstance(value, str) and "\0" not in value and len(value) <= longest


def set_aside(file: Path) -> list[SetAside]:
    """The damaged histories that still lie beside the one in use."""
    return [
        SetAside(files.short(aside), salvage.day(aside), salvage.carried(aside))
        for aside in salvage.asides(file)
    ]


def damage(file: Path) -> str | None:
    """What is wrong with a SQLite file; None if it is whole or does not exist yet."""
    if not file.is_file():
        return None
    if file.stat().st_size == 0:
        return "has become empty"
    try:
        return _damage_inside(file)
    except sqlite3.OperationalError as error:
        return f"is damaged ({error})" if _is_about_content(error, file) else None
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        return f"is damaged ({error})"


def _damage_inside(file: Path) -> str | None:
    """What SQLite finds wrong with what every run needs, or with the contacts."""
    with closing(sqlite3.connect(file, timeout=database.PATIENCE_SECONDS)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not names:
            return "has become empty"
        if contacts.name in names:
            (verdict,) = connection.execute(f"PRAGMA integrity_check({contacts.name})").fetchone()
            if verdict != "ok":
                return f"is damaged ({' '.join(verdict.split())})"
        connection.execute("PRAGMA busy_timeout = 0")  # a file that is locked can be written
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA user_version = 0")  # a trial, which closing takes back
    return None


def _is_about_content(error: sqlite3.OperationalError, file: Path) -> bool:
    """Whether SQLite will never write into a file that nobody has locked or protected."""
    if error.sqlite_errorcode == sqlite3.SQLITE_READONLY:
        return os.access(file, os.W_OK)
    return error.sqlite_errorcode == sqlite3.SQLITE_ERROR


def back_up(file: Path, copy: Path) -> None:
    """Copy a history while it is in use."""
    if not file.exists():
        raise InputMissing(f"{files.short(file)} is missing; no run is recorded yet")
    if copy.exists() and not _may_be_replaced(copy, file):
        raise InputMissing(f"{copy} is no earlier copy to replace; name another file")
    if not copy.parent.is_dir():
        raise InputMissing(f"there is no folder {copy.parent}/ to put a copy into")
    try:
        with (
            files.replacing(copy),
            closing(sqlite3.connect(file)) as source,
            closing(sqlite3.connect(files.draft_of(copy))) as target,
        ):
            source.backup(target)
    except sqlite3.Error as error:
        raise ServiceDown(f"{files.short(file)} could not be copied: {error}") from error


def _may_be_replaced(copy: Path, history: Path) -> bool:
    """Whether a file is an earlier copy, or has nothing in it yet."""
    if not copy.is_file() or copy.samefile(history):
        return False
    return copy.stat().st_size == 0 or not damage(copy)
