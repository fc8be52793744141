"""The new rows of a database as a CSV file in the input folder, each row exactly once."""

import csv
import io
import itertools
import logging
import math
import os
import re
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from risk import database, files
from risk.columns import DATE, Columns
from risk.data import input_folder, source_keys
from risk.data.source_keys import Window
from risk.errors import ConfigWrong
from risk.settings import Settings

PASSWORD_VARIABLE = "RISK_INPUT_DATABASE_PASSWORD"
ROWS_AT_ONCE = 10_000
LARGEST_KEY = 2**63 - 1
LARGEST_FLOATING_KEY = 2**53  # beyond it neighbours are one number
LONGEST_NAME_OF_POSTGRESQL = 63  # bytes; it silently cuts a longer one
BITS_OF_MYSQL = 16  # a number that comes as bytes
PADDED_OF_POSTGRESQL = 1042  # char(n), whose blanks at the end mean nothing

DAY, MIDNIGHT = "day", " 00:00:00"  # in a column of dates, a moment at midnight is its date

LINE_BREAK = re.compile(r"\r\n|[\r\n\0]")

log = logging.getLogger("risk.source")


class NewRows(NamedTuple):
    """Rows to add: keys in order, CSV in parts; keys of unreadable rows, and how many have none."""

    keys: "array[int]"
    parts: list[bytes]
    unreadable: list[int]
    keyless: int


def fetch(settings: Settings) -> str | None:
    """Write the rows that were not read before into a file, and return its name.

    The keys are noted first, and the note counts once the file is there; so a run that dies in
    between neither loses a row nor reads it twice.
    """
    for draft in files.drafts(settings.input_folder_path, f".{source_keys.stem(settings)}-"):
        draft.unlink()  # of a run that died
    identity, folder = _identity(settings), settings.input_folder_path
    window = source_keys.window(settings, identity)
    new = _new_rows(settings, window, settings.columns.all)
    if not new.keys:
        return None
    name = _free_name(f"{source_keys.stem(settings)}-{new.keys[0]}-{new.keys[-1]}", folder)
    then = source_keys.after(window, new.keys)
    source_keys.intend(settings, identity, window, then, name)
    with files.replacing(folder / name) as handle:
        handle.writelines([_csv([settings.columns.all]), *new.parts])
        handle.flush()
        a_while_ago = time.time() - input_folder.FRESH_SECONDS  # it is whole, so no run waits
        os.utime(handle.fileno(), (a_while_ago, a_while_ago))
    source_keys.settle(settings, identity, then)
    _log_fetched(settings, name, new)
    return name


def new_row_count(settings: Settings) -> int:
    """How many rows the next run would fetch."""
    if not settings.input_database_url:
        return 0
    return len(_new_rows(settings, source_keys.window(settings, _identity(settings)), ()).keys)


def _free_name(stem: str, folder: Path) -> str:
    """A file's name that no file of the folder has."""
    numbered = (f"{stem}_{number}.csv" for number in itertools.count(2))
    names = itertools.chain([f"{stem}.csv"], numbered)
    return next(name for name in names if not (folder / name).exists())


def _log_fetched(settings: Settings, name: str, new: NewRows) -> None:
    table, key = settings.input_table, settings.input_key
    path = settings.input_folder_path / name
    log.info("%d new rows of the table %s are in %s", len(new.keys), table, files.short(path))
    if new.keyless:
        log.warning(
            "%d rows of the table %s are left out: their %s is no whole number, or beyond 64 bits",
            *(new.keyless, table, key),
        )
    if new.unreadable:
        log.warning(
            "%d rows of the table %s are left out: they hold what is no text; the first has %s %d",
            *(len(new.unreadable), table, key, new.unreadable[0]),
        )


def _engine(settings: Settings) -> sa.Engine:
    url = settings.input_database_url or ""
    return database.engine_to_read(url, settings.workspace, "input_database_url", PASSWORD_VARIABLE)


def _identity(settings: Settings) -> str:
    """What distinguishes one source from another: database, table, key, and where rows go."""
    place = database.place(_engine(settings), settings.workspace)
    return f"{place} {settings.input_table!r} {settings.input_key!r} {settings.input_folder!r}"


def _new_rows(settings: Settings, window: Window, names: Sequence[str]) -> NewRows:
    """The rows of the window that were not read, the named columns of each, in order of keys."""
    source = _engine(settings)
    table = _table(settings, source)
    key = table.c[settings.input_key]
    question = sa.select(key, *(table.c[name].label(f"c{at}") for at, name in enumerate(names)))
    if window.start is not None:
        question = question.where(key >= sa.literal(window.start, sa.BigInteger))
    with database.transaction(source) as connection:
        streamed = {"yield_per": ROWS_AT_ONCE}
        answer = connection.execute(question.order_by(key), execution_options=streamed)
        new = _taken(answer, set(window.read), _kinds(answer, names, settings.columns))
        if new.keys and window.start is not None:  # the question left out rows without a key
            without = sa.select(sa.func.count()).select_from(table).where(key.is_(None))
            count = connection.execute(without).scalar_one()
            new = new._replace(keyless=new.keyless + count)
    if window == Window() and new.keyless and not new.keys:
        raise ConfigWrong(
            f"'input_key' {settings.input_key!r} must be a column of whole numbers of 64 bits"
        )
    return new


def _taken(answer: sa.CursorResult[Any], read: set[int], kinds: list[Any]) -> NewRows:
    """The rows of an answer that were not read, a few thousand at a time to save memory."""
    new = NewRows(array("q"), [], [], 0)
    keyless = 0
    for rows in answer.partitions():
        keyed = [(whole, row[1:]) for row in rows if (whole := _whole(row[0])) is not None]
        keyless += len(rows) - len(keyed)
        unread = [(key, row) for key, row in keyed if key not in read]
        new.keys.extend(key for key, _ in unread)
        new.parts.append(_csv(_readable(unread, kinds, new.unreadable)))
    return new._replace(keyless=keyless)


def _readable(
    keyed: list[tuple[int, Any]], kinds: list[Any], unreadable: list[int]
) -> Iterator[list[str]]:
    """The rows as a CSV has them; the keys of those that are not text are noted."""
    for key, row in keyed:
        try:
            yield list(map(_cell, row, kinds))
        except UnicodeError:
            unreadable.append(key)


def _table(settings: Settings, source: sa.Engine) -> sa.TableClause:
    """The table with the columns that are read, each with the table's name before its own.

    SQLite takes the bare name of a column that is not there for a text.
    """
    schema, dot, name = (settings.input_table or "").rpartition(".")
    if not name or (dot and not schema):
        raise ConfigWrong("'input_table' must name a table, or a schema, a dot and a table")
    columns = dict.fromkeys((settings.input_key, *settings.columns.all))
    _check_names(settings, source, [schema, name, *columns])
    return sa.table(name, *map(sa.column, columns), schema=schema or None)


def _check_names(settings: Settings, source: sa.Engine, names: Iterable[str]) -> None:
    """Refuse names under which a database would find something else."""
    if source.dialect.name == "postgresql":
        for name in names:
            if len(name.encode()) > LONGEST_NAME_OF_POSTGRESQL:
                raise ConfigWrong(f"the name {name!r} is too long for 'input_database_url'")
        return
    for one, other in itertools.combinations(settings.columns.all, 2):
        if one.lower() == other.lower():
            raise ConfigWrong(
                f"the columns {one!r} and {other!r} are one column for 'input_database_url', "
                "which takes small and capital letters for the same"
            )


def _whole(key: object) -> int | None:
    """A key as a whole number; None if it is not one that can be asked for again."""
    if isinstance(key, float | Decimal):
        is_exact = math.isfinite(key) and (
            isinstance(key, Decimal) or abs(key) <= LARGEST_FLOATING_KEY
        )
        return _whole(int(key)) if is_exact and key == int(key) else None
    if type(key) is not int or abs(key) >= LARGEST_KEY:
        return None
    return key


def _kinds(answer: sa.CursorResult[Any], names: Sequence[str], columns: Columns) -> list[Any]:
    """How the driver calls the types of the columns beside the key; of dates, that they are."""
    described = answer.cursor.description[1:] if answer.cursor else ()
    days = [name == columns.period or columns.kind(name) == DATE for name in names]
    pairs = zip(described, days, strict=True)
    return [DAY if is_day else column[1] for column, is_day in pairs]


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any, kind: object) -> str:
    """A value as a CSV has it.

    A line break gets only its own line refused, while a NUL would get the whole file refused. The
    first one stays and the others become blanks, because a record has only so many lines.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float | Decimal):
        return format(Decimal(str(value)), "f")
    if isinstance(value, bytes | bytearray | memoryview):
        value = int.from_bytes(value) if kind == BITS_OF_MYSQL else bytes(value).decode()
    text = str(value).removesuffix(MIDNIGHT) if kind == DAY else str(value)
    first, *rest = LINE_BREAK.split(text)
    text = f"{first}\n{' '.join(rest)}" if rest else first
    text.encode()  # raises for what is not text
    return text.rstrip(" ") if kind == PADDED_OF_POSTGRESQL else text
