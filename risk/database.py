"""The way to a database: its URL and driver, its transactions, our words when it is down."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from risk.errors import ConfigWrong, ServiceDown

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
PATIENCE_SECONDS = 5
LONGEST_STATEMENT_SECONDS = 60
PATIENCE_OF_SERVERS = {
    "postgresql": (
        f"SET lock_timeout = '{PATIENCE_SECONDS}s'",
        f"SET statement_timeout = '{LONGEST_STATEMENT_SECONDS}s'",
    ),
    "mysql": (
        f"SET SESSION lock_wait_timeout = {PATIENCE_SECONDS}",
        f"SET SESSION innodb_lock_wait_timeout = {PATIENCE_SECONDS}",
    ),
}
PATIENCE_OF_DRIVERS = {
    "sqlite": {"timeout": PATIENCE_SECONDS},
    "postgresql": {
        "connect_timeout": PATIENCE_SECONDS,
        "tcp_user_timeout": LONGEST_STATEMENT_SECONDS * 1000,
    },
    "mysql": {
        "connect_timeout": PATIENCE_SECONDS,
        "read_timeout": LONGEST_STATEMENT_SECONDS,
        "write_timeout": LONGEST_STATEMENT_SECONDS,
    },
}


class RowsRefused(ServiceDown):
    """The database answers, and will never take these rows."""


class FileDamaged(ServiceDown):
    """The file of a SQLite database cannot be read as one."""


def engine(text: str, workspace: Path, key: str, password_variable: str) -> sa.Engine:
    """A way to the database that a key of config.json names; no connection is made or kept."""
    return _engine(_complete(_parsed(text, key), workspace, os.environ.get(password_variable)))


def engine_of_file(path: Path) -> sa.Engine:
    """A way to a SQLite file."""
    return _engine(URL.create("sqlite", database=str(path)))


def _engine(url: URL) -> sa.Engine:
    made = sa.create_engine(
        url,
        poolclass=sa.NullPool,
        hide_parameters=True,
        connect_args=PATIENCE_OF_DRIVERS[_family(url)],
    )
    if url.drivername == "sqlite":
        sa.event.listen(made, "connect", _prepare_file)
        sa.event.listen(made, "begin", _begin_in_file)
    else:
        sa.event.listen(made, "connect", _prepare_session(PATIENCE_OF_SERVERS[_family(url)]))
    return made


def _family(url: URL) -> str:
    name = url.drivername.partition("+")[0]
    return "mysql" if name == "mariadb" else name


def _parsed(text: str, key: str) -> URL:
    try:
        return make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigWrong(f"{key!r} is not a database URL") from error


def _complete(url: URL, workspace: Path, password: str | None) -> URL:
    """The URL with our driver, a file's path in the workspace, a password if it names none."""
    name = url.drivername.partition("+")[0]
    url = url.set(drivername=DRIVERS[name])
    if name == "sqlite":
        return url.set(database=str(workspace / (url.database or "")))
    if url.password is None and password:
        url = url.set(password=password)
    return url


def file_of(database: sa.Engine) -> Path | None:
    """The file of a SQLite database, none for a server."""
    url = database.url
    return Path(url.database or "") if url.drivername == "sqlite" else None


def _prepare_session(statements: tuple[str, ...]) -> Callable[[Any, object], None]:
    """A server waits without end for what another one has locked, unless it is told not to."""

    def prepare(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return prepare


def _prepare_file(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_in_file
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_in_file(connection: sa.Connection) -> None:
    """A reader that turns writer fails at once whatever the patience, so writers begin as such."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(database: sa.Engine, *, writes: bool = False) -> Iterator[sa.Connection]:
    """All or nothing; a database that does not answer is said in our own words."""
    try:
        with database.execution_options(writes=writes).begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        why = str(error.orig).strip().partition("\n")[0]
        kind, verb = _meaning(error)
        raise kind(f"the database {shown(database)} {verb}: {why}") from error
    except UnicodeDecodeError as error:
        raise FileDamaged(f"the database {shown(database)} is damaged: {error}") from error


def _meaning(error: sa.exc.DBAPIError) -> tuple[type[ServiceDown], str]:
    """What an error means for those who wait, and how it is said."""
    if isinstance(error, sa.exc.DataError | sa.exc.IntegrityError):
        return RowsRefused, "will not take the rows"
    if type(error.orig) is sqlite3.DatabaseError or "not decode" in str(error.orig):
        return FileDamaged, "is damaged"
    if isinstance(error, sa.exc.ProgrammingError) or "no such" in str(error.orig):
        return ServiceDown, "refuses what is asked"
    return ServiceDown, "does not answer"


def shown(database: sa.Engine) -> str:
    """A database as messages name it: no password, no user, no folder of the machine."""
    file = file_of(database)
    return file.name if file else f"{database.url.database} at {database.url.host}"
