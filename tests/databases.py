"""Real databases for the tests: an empty one each, and a wire to a server that can be cut."""

import contextlib
import os
import socket
import threading
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

SERVERS = {
    "postgresql": ("postgresql+psycopg://postgres@127.0.0.1:5432/postgres", 5432),
    "mariadb": ("mariadb+pymysql://root@127.0.0.1:3306/mysql", 3306),
}
DEMANDED = "RISK_TEST_SERVERS"
EMPTYING = (
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public",
)


os.environ["SSL_CERT_FILE"] = os.devnull  # else PyMySQL reads all certificates at each connection

_made: list[tuple[str, str]] = []
_spare: list[str] = []


@contextlib.contextmanager
def fresh(kind: str, further: str = "") -> Iterator[sa.URL]:
    """An empty database of its own on the server of this kind.

    PostgreSQL takes a tenth of a second to make one, so those of the usual kind are emptied
    afterwards for the next who asks.
    """
    _demand(kind, SERVERS[kind][1])
    is_usual = kind == "postgresql" and not further
    name = _spare.pop() if is_usual and _spare else _make(kind, further)
    yield sa.make_url(SERVERS[kind][0]).set(database=name)
    if is_usual:
        _on_server(kind, *EMPTYING, database=name)
        _spare.append(name)
    else:
        _drop(kind, name)


def _make(kind: str, further: str) -> str:
    name = f"risk_test_{uuid.uuid4().hex[:12]}"
    _on_server(kind, f"CREATE DATABASE {name} {further}")
    _made.append((kind, name))
    return name


def _drop(kind: str, name: str) -> None:
    force = " WITH (FORCE)" if kind == "postgresql" else ""
    _on_server(kind, f"DROP DATABASE {name}{force}")
    _made.remove((kind, name))


def drop_all() -> None:
    """Leave no database behind, spare ones and those of tests that failed."""
    for kind, name in list(_made):
        _drop(kind, name)


def _on_server(kind: str, *statements: str, database: str | None = None) -> None:
    url = sa.make_url(SERVERS[kind][0])
    server = sa.create_engine(
        url.set(database=database or url.database),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    with server.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _demand(kind: str, port: int) -> None:
    """Skip in words where no server runs, unless it is demanded."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except OSError:
        message = f"no {kind} server answers on 127.0.0.1:{port}"
        if os.environ.get(DEMANDED):
            pytest.fail(message)
        pytest.skip(message)


class Wire:
    """A port that leads to another one until it is cut, perhaps after so many bytes came back."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.cut_after: int | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.is_open = threading.Event()
        self.is_open.set()
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self.cut_after = 0
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def fall_silent(self) -> None:
        """Keep every connection, and let nothing through."""
        self.is_open.clear()

    def mend(self) -> None:
        """Let connections through again."""
        self.cut_after = None
        self.is_open.set()

    def close(self) -> None:
        """Cut, and give the port back."""
        self.cut()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if self.cut_after == 0:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self.target))
                self.connections += [client, server]
                for source, sink, counts in ((client, server, False), (server, client, True)):
                    arguments = (source, sink, counts)
                    threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if counts and self.cut_after is not None:
                    self.cut_after -= len(data)
                    if self.cut_after <= 0:
                        self.cut()
                        break
                self.is_open.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
