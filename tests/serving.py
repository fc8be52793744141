"""Real servers for the tests, on ports that the system chooses, and waiting for what is to come."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from socketserver import TCPServer
from typing import Any, NamedTuple, TypeVar

from risk.settings import Settings
from tests import warm
from tests.conftest import ROOT

PATIENCE = 120
STOPS_WITHIN_SECONDS = 0.02
GUNICORN = (sys.executable, "-m", "gunicorn")
LISTENING = re.compile(r"http://[^ ]*:(\d+)[ /]")

Found = TypeVar("Found")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def wait_until(condition: Callable[[], Found], patience: float = PATIENCE) -> Found:
    """What the condition says as soon as that is true, or not empty."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not come in all that time"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """A port that is ours, so that nobody else can listen on it, and nor do we."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def environment(settings: Settings, **further: str) -> dict[str, str]:
    """What a server of this project inherits."""
    config = str(settings.workspace / "config.json")
    return {**os.environ, "RISK_CONFIG": config, **further}


@contextlib.contextmanager
def gunicorn(settings: Settings, *arguments: str, **further: str) -> Iterator[int]:
    """The port on which gunicorn serves this project as `make serve` does."""
    known = environment(settings, **{"RISK_BIND": "127.0.0.1:0", **further})
    with served_by(gunicorn_with(known, *arguments), settings) as port:
        yield port


@contextlib.contextmanager
def served_by(program: warm.Program, settings: Settings) -> Iterator[int]:
    """The port on which this program serves the project; its log lies in the workspace."""
    log = settings.workspace / "server.log"
    log.write_bytes(b"")
    server = warm.begun(program, log, log)
    try:
        yield _port(log, server.is_alive)
    finally:
        server.terminate()
        server.join()


def gunicorn_with(known: dict[str, str], *arguments: str) -> warm.Program:
    """The server as it is to be started."""
    return warm.Program("gunicorn", ["wsgi:app", *arguments], known, str(ROOT))


@contextlib.contextmanager
def answering(
    command: list[str], known: dict[str, str], settings: Settings, pass_fds: Sequence[int] = ()
) -> Iterator[int]:
    """The port on which a server answers that begins as a shell would begin it."""
    path = settings.workspace / "server.log"
    with (
        path.open("wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=known, stdout=log, stderr=log, pass_fds=pass_fds
        ) as server,
    ):
        try:
            yield _port(path, lambda: server.poll() is None)
        finally:
            server.terminate()


def _port(log: Path, is_alive: Callable[[], bool]) -> int:
    """Where a server answers, which it says itself, once it does."""

    def listening() -> "re.Match[str] | None":
        assert is_alive(), log.read_text()
        return LISTENING.search(log.read_text())

    port = int(wait_until(listening)[1])
    wait_until(lambda: _answers(port))
    return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return ask(port, "GET", "/health").status in (200, 503)
    return False


def ask(
    port: int,
    method: str,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    *,
    patience: float = PATIENCE,
) -> Answer:
    """One answer, over a connection of its own; a body that is no bytes goes as JSON."""
    connection = HTTPConnection("127.0.0.1", port, timeout=patience)
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"} if content is not None else {}
    try:
        connection.request(method, path, content, {**kind, **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


@contextlib.contextmanager
def running(server: TCPServer) -> Iterator[int]:
    """The port of a small server that answers in a thread."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(STOPS_WITHIN_SECONDS,))
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()
