"""Real servers for the tests: gunicorn on a free port of loopback, ended by its own id."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple

from werkzeug.serving import BaseWSGIServer

from risk.settings import Settings
from tests.conftest import ROOT

STARTED_WITHIN = 60
GUNICORN = (sys.executable, "-m", "gunicorn")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def environment(settings: Settings, **further: str) -> dict[str, str]:
    """What a server of this project inherits."""
    config = str(settings.workspace / "config.json")
    return {**os.environ, "RISK_CONFIG": config, **further}


@contextlib.contextmanager
def gunicorn(settings: Settings, *arguments: str, **further: str) -> Iterator[int]:
    """The port on which gunicorn serves this project as `make serve` does."""
    port = free_port()
    known = environment(settings, RISK_BIND=f"127.0.0.1:{port}", **further)
    command = [*GUNICORN, "wsgi:app", *arguments]
    with (
        (settings.workspace / "server.log").open("wb") as log,
        subprocess.Popen(command, cwd=ROOT, env=known, stderr=log) as server,
    ):
        try:
            wait_for(port, server)
            yield port
        finally:
            server.terminate()


def wait_for(port: int, server: "subprocess.Popen[Any]") -> None:
    """Until /health answers."""
    deadline = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            if ask(port, "GET", "/health").status in (200, 503):
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


def ask(
    port: int,
    method: str,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    *,
    patience: float = 60,
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
def running(server: BaseWSGIServer) -> Iterator[int]:
    """The port of a small server that answers in a thread."""
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
