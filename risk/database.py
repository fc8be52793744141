"""Connections and transactions of a database, and the words for what goes wrong there."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from risk import silence
from risk.errors import ConfigWrong, ServiceDown
from risk.rules import DATABASES, family

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
        "keepalives_idle": LONGEST_STATEMENT_SECONDS,
    },
    "mysql": {
        "connect_timeout": PATIENCE_SECONDS,
        "read_timeout": LONGEST_STATEMENT_SECONDS,
        "write_timeout": LONGEST_STATEMENT_SECONDS,
    },
}
PORTS = {"postgresql": 5432, "mysql": 3306}
UNREADABLE = "holds a value that cannot be read"
REFUSALS_OF_MYSQL = {1044, 1045, 1049, 1054, 1059, 1103, 1142, 1143}  # of a user, or of a name


class RowsRefused(ServiceDown):
    """The database answers, and will never take these rows."""


class FileDamaged(ServiceDown):
    """The file of a SQLite database cannot be read as one."""


def engine(text: str, workspace: Path, key: str, password_variable: str) -> sa.Engine:
    """The engine of a database in config.json, which does not connect yet and pools nothing."""
    return _engine(_url(text, workspace, key, password_variable))


def engine_of_file(path: Path) -> sa.Engine:
    """The engine of a SQLite file."""
    return _engine(URL.create("sqlite", database=str(path)))


def engine_to_read(text: str, workspace: Path, key: str, password_variable: str) -> sa.Engine:
    """The engine of somebody else's database, which is only read."""
    url = _url(text, workspace, key, password_variable)
    if url.drivername != "sqlite":
        created = _engine(url)
        sa.event.listen(created, "begin", _begin_reading_on_server)
        return created
    connect = partial(_connect_to_read, Path(url.database or ""))
    created = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, creator=connect)
    sa.event.listen(created, "connect", _leave_transactions_to_us)
    sa.event.listen(created, "begin", _begin_in_file)
    return created


def _connect_to_read(file: Path) -> sqlite3.Connection:
    """A connection that changes nothing and leaves nothing beside the file.

    Opening a file in WAL mode makes two more, even for reading; so a file that nobody has open is
    opened as one that cannot change.
    """
    address = f"file:{quote(str(file))}?mode=ro"
    if not file.with_name(f"{file.name}-wal").exists() and _needs_files_beside(address):
        address += "&immutable=1"
    connection = sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    return connection  # a row that is not text does not stop the reading of the others


def _needs_files_beside(address: str) -> bool:
    """Whether a file is in WAL mode, in which SQLite refuses to open it without locks."""
    with closing(sqlite3.connect(f"{address}&nolock=1", uri=True)) as probe:
        try:
            probe.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            return True
    return False


def _engine(url: URL) -> sa.Engine:
    with _options_are_taken():
        created = sa.create_engine(
            url,
            poolclass=sa.NullPool,
            hide_parameters=True,
            connect_args=PATIENCE_OF_DRIVERS[_family(url)],
        )
    sa.event.listen(created, "do_connect", _connect)
    if url.drivername == "sqlite":
        sa.event.listen(created, "connect", _leave_transactions_to_us)
        sa.event.listen(created, "connect", _prepare_file)
        sa.event.listen(created, "begin", _begin_in_file)
    else:
        if _family(url) == "postgresql":
            silence.hang_up_on(created)
        sa.event.listen(created, "connect", _prepare_session(PATIENCE_OF_SERVERS[_family(url)]))
    return created


def _connect(dialect: sa.Dialect, _: object, arguments: Any, options: Any) -> Any:
    with _options_are_taken():
        return dialect.connect(*arguments, **options)


@contextmanager
def _options_are_taken() -> Iterator[None]:
    """Drivers raise errors of many kinds about an option that they do not know."""
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigWrong(f"an option in the URL of a database is wrong: {error}") from error


def _family(url: URL) -> str:
    name = family(url.drivername)
    return "mysql" if name == "mariadb" else name


def _url(text: str, workspace: Path, key: str, password_variable: str) -> URL:
    """The URL with our driver, a file's path in the workspace, a password if it names none."""
    try:
        url = make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise ConfigWrong(f"{key!r} is not a database URL") from error
    name = family(url.drivername)
    if name == "sqlite":
        return url.set(drivername=name, database=str(workspace / (url.database or "")))
    password = os.environ.get(password_variable) if url.password is None else url.password
    return url.set(drivername=f"{name}+{DATABASES[name]}", password=password)


def file_of(database: sa.Engine) -> Path | None:
    """The file of a SQLite database, none for a server."""
    url = database.url
    return Path(url.database or "") if url.drivername == "sqlite" else None


def _prepare_session(statements: tuple[str, ...]) -> Callable[[Any, object], None]:
    """Run these statements in each new session: a server would wait for a lock for ever."""

    def prepare(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return prepare


def _leave_transactions_to_us(connection: Any, _: object) -> None:
    connection.isolation_level = None  # they are begun by _begin_in_file


def _prepare_file(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_in_file(connection: sa.Connection) -> None:
    """Writers begin as writers: a reader that becomes one fails at once, whatever the timeout."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_reading_on_server(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")


@contextmanager
def transaction(database: sa.Engine, *, writes: bool = False) -> Iterator[sa.Connection]:
    """All or nothing; the errors of all drivers become ours, in our words."""
    try:
        with database.execution_options(writes=writes).begin() as connection:
            yield connection
    except (sa.exc.DBAPIError, UnicodeDecodeError, UnicodeEncodeError) as error:
        kind, what = _meaning(error, writes)
        why = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        raise kind(f"the database {display_name(database)} {what}: {why}") from error


def _meaning(
    error: sa.exc.DBAPIError | UnicodeError, writes: bool
) -> tuple[type[ServiceDown], str]:
    """What an error means for those who wait, and how it is said."""
    if isinstance(error, UnicodeEncodeError):
        return RowsRefused if writes else ServiceDown, "cannot encode a value"
    if writes and isinstance(error, sa.exc.DataError | sa.exc.IntegrityError):
        return RowsRefused, "will not take the rows"
    original = error if isinstance(error, UnicodeError) else error.orig
    if isinstance(error, UnicodeError | sa.exc.DataError) or "Could not decode" in str(original):
        return FileDamaged if writes else ServiceDown, UNREADABLE
    if type(original) is sqlite3.DatabaseError:
        return FileDamaged, "is damaged"
    if isinstance(error, sa.exc.ProgrammingError) or _is_refusal(original):
        return ServiceDown, "refuses what is asked"
    return ServiceDown, "does not answer"


def _is_refusal(error: BaseException | None) -> bool:
    """Whether an error that passes for one of operation is about a name or a right."""
    code = error.args[0] if error and error.args else None
    return "no such" in str(error) or code in REFUSALS_OF_MYSQL


def place(database: sa.Engine, workspace: Path) -> str:
    """Where a database is, the same for every user and driver."""
    url = database.url
    if file := file_of(database):
        path = Path(os.path.normpath(file))
        return f"sqlite {path.relative_to(workspace) if path.is_relative_to(workspace) else path}"
    _, given = database.dialect.create_connect_args(url)
    host = str(given.get("unix_socket") or given.get("host") or "localhost")
    family = _family(url)
    return f"{family} {host.lower()}:{given.get('port') or PORTS[family]}/{url.database}"


def display_name(database: sa.Engine) -> str:
    """A database as messages name it: no password, no user, no folder of the machine."""
    file = file_of(database)
    return file.name if file else f"{database.url.database} at {database.url.host}"
