"""Connections and transactions of a database, and the words for what goes wrong there."""

import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from risk.errors import ConfigWrong, ServiceDown
from risk.settings import DATABASES

PATIENCE_SECONDS = 5
LONGEST_STATEMENT_SECONDS = 60
LONGEST_SILENCE_SECONDS = 90  # a server that works refuses a statement before
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
    return _engine(_complete(_parsed(text, key), workspace, os.environ.get(password_variable)))


def engine_of_file(path: Path) -> sa.Engine:
    """The engine of a SQLite file."""
    return _engine(URL.create("sqlite", database=str(path)))


def engine_to_read(text: str, workspace: Path, key: str, password_variable: str) -> sa.Engine:
    """The engine of somebody else's database, which is only read."""
    url = _complete(_parsed(text, key), workspace, os.environ.get(password_variable))
    if url.drivername != "sqlite":
        made = _engine(url)
        sa.event.listen(made, "begin", _begin_reading_on_server)
        return made
    connect = partial(_connect_to_read, Path(url.database or ""))
    made = sa.create_engine(url, poolclass=sa.NullPool, hide_parameters=True, creator=connect)
    sa.event.listen(made, "connect", _leave_transactions_to_us)
    sa.event.listen(made, "begin", _begin_in_file)
    return made


def _connect_to_read(file: Path) -> sqlite3.Connection:
    """A connection that changes nothing, nor leaves anything beside the file.

    Whoever opens a file in WAL mode, if only to read, makes two more; so one that nobody has open
    is read as a file that cannot change.
    """
    address = f"file:{quote(str(file))}?mode=ro"
    if not file.with_name(f"{file.name}-wal").exists() and _needs_files_beside(address):
        address += "&immutable=1"
    connection = sqlite3.connect(address, uri=True, timeout=PATIENCE_SECONDS)
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    return connection  # one row that is no text does not keep the others from being read


def _needs_files_beside(address: str) -> bool:
    """Whether a file is in WAL mode: SQLite refuses to open such a one without locks."""
    with closing(sqlite3.connect(f"{address}&nolock=1", uri=True)) as probe:
        try:
            probe.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            return True
    return False


def _engine(url: URL) -> sa.Engine:
    with _options_are_taken():
        made = sa.create_engine(
            url,
            poolclass=sa.NullPool,
            hide_parameters=True,
            connect_args=PATIENCE_OF_DRIVERS[_family(url)],
        )
    sa.event.listen(made, "do_connect", _connect)
    if url.drivername == "sqlite":
        sa.event.listen(made, "connect", _leave_transactions_to_us)
        sa.event.listen(made, "connect", _prepare_file)
        sa.event.listen(made, "begin", _begin_in_file)
    else:
        if _family(url) == "postgresql":
            _hang_up_on_silence(made)
        sa.event.listen(made, "connect", _prepare_session(PATIENCE_OF_SERVERS[_family(url)]))
    return made


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
    if name == "sqlite":
        return url.set(drivername=name, database=str(workspace / (url.database or "")))
    url = url.set(drivername=f"{name}+{DATABASES[name]}")
    if url.password is None and password:
        url = url.set(password=password)
    return url


def file_of(database: sa.Engine) -> Path | None:
    """The file of a SQLite database, none for a server."""
    url = database.url
    return Path(url.database or "") if url.drivername == "sqlite" else None


def _prepare_session(statements: tuple[str, ...]) -> Callable[[Any, object], None]:
    """A server waits for a lock for ever, unless it is told not to."""

    def prepare(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    return prepare


def _hang_up_on_silence(made: sa.Engine) -> None:
    """Cut the connection to a silent server, for which the driver of PostgreSQL waits for ever."""

    def watch(link: Any, info: dict[str, Any]) -> None:
        stop(info)
        info["watch"] = timer = threading.Timer(LONGEST_SILENCE_SECONDS, _hang_up, [link])
        timer.daemon = True
        timer.start()

    def stop(info: dict[str, Any]) -> None:
        if timer := info.pop("watch", None):
            timer.cancel()

    def ask(connection: sa.Connection, *_: object) -> None:
        if not connection.invalidated:
            watch(connection.connection.dbapi_connection, connection.info)

    sa.event.listen(made, "connect", lambda link, record: watch(link, record.info))
    for moment in ("before_cursor_execute", "commit", "rollback"):
        sa.event.listen(made, moment, ask)
    sa.event.listen(made, "after_cursor_execute", lambda connection, *_: stop(connection.info))
    sa.event.listen(made, "close", lambda _, record: stop(record.info))


def _hang_up(link: Any) -> None:
    if not link.closed:
        with socket.socket(fileno=os.dup(link.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)


def _leave_transactions_to_us(connection: Any, _: object) -> None:
    connection.isolation_level = None  # they are begun by _begin_in_file


def _prepare_file(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_in_file(connection: sa.Connection) -> None:
    """A reader that turns writer fails at once whatever the patience, so writers begin as such."""
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_reading_on_server(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")


@contextmanager
def transaction(database: sa.Engine, *, writes: bool = False) -> Iterator[sa.Connection]:
    """All or nothing; a database that does not answer is said in our own words."""
    try:
        with database.execution_options(writes=writes).begin() as connection:
            yield connection
    except sa.exc.DBAPIError as error:
        why = str(error.orig).strip().partition("\n")[0]
        kind, verb = _meaning(error, writes)
        raise kind(f"the database {display_name(database)} {verb}: {why}") from error
    except UnicodeDecodeError as error:
        kind = FileDamaged if writes else ServiceDown
        raise kind(f"the database {display_name(database)} {UNREADABLE}: {error}") from error
    except UnicodeEncodeError as error:
        kind = RowsRefused if writes else ServiceDown
        raise kind(
            f"the database {display_name(database)} cannot encode a value: {error}"
        ) from error


def _meaning(error: sa.exc.DBAPIError, writes: bool) -> tuple[type[ServiceDown], str]:
    """What an error means for those who wait, and how it is said."""
    if writes and isinstance(error, sa.exc.DataError | sa.exc.IntegrityError):
        return RowsRefused, "will not take the rows"
    if isinstance(error, sa.exc.DataError) or "Could not decode" in str(error.orig):
        return FileDamaged if writes else ServiceDown, UNREADABLE
    if type(error.orig) is sqlite3.DatabaseError:
        return FileDamaged, "is damaged"
    if isinstance(error, sa.exc.ProgrammingError) or _is_refusal(error.orig):
        return ServiceDown, "refuses what is asked"
    return ServiceDown, "does not answer"


def _is_refusal(error: BaseException | None) -> bool:
    """Whether an error that passes for one of operation is about a name or a right."""
    code = error.args[0] if error and error.args else None
    return "no such" in str(error) or code in REFUSALS_OF_MYSQL


def place(database: sa.Engine, workspace: Path) -> str:
    """Where a database is, whoever asks there: no user, no password, no way of asking."""
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
