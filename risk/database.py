"""The way to a database: its URL and driver, its transactions, our words when it is down."""

import os
from collections.abc import Iterator
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


def engine(text: str, workspace: Path, key: str, password_variable: str) -> sa.Engine:
    """A way to the database that a key of config.json names; no connection is made or kept."""
    url = _complete(_parsed(text, key), workspace, os.environ.get(password_variable))
    is_file = url.drivername == "sqlite"
    patience = {"timeout" if is_file else "connect_timeout": PATIENCE_SECONDS}
    try:
        made = sa.create_engine(
            url, poolclass=sa.NullPool, hide_parameters=True, connect_args=patience
        )
    except ImportError as error:
        raise ConfigWrong(
            f"{key!r} needs the driver {error.name}; install requirements-databases.txt"
        ) from error
    if is_file:
        sa.event.listen(made, "connect", _prepare_file)
        sa.event.listen(made, "begin", _begin_in_file)
    return made


def _parsed(text: str, key: str) -> URL:
    try:
        return make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigWrong(f"config.json: {key!r} is not a database URL") from error


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
        raise ServiceDown(f"the database {shown(database)} does not answer: {why}") from error


def shown(database: sa.Engine) -> str:
    """A database as messages name it: no password, no user, no folder of the machine."""
    file = file_of(database)
    return file.name if file else f"{database.url.database} at {database.url.host}"
