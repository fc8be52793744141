"""The worker that gunicorn runs: patient for a while only, and with our words for its refusals."""

import contextlib
import errno
import math
import socket
import time
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers import gthread

from risk.web import answers

SILENT_SECONDS = 3.0
REQUEST_SECONDS = ANSWER_SECONDS = 30.0
STATUSES = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}


class _Patient(socket.socket):
    """A connection whose other end must say something every few seconds, and all of it in time."""

    deadline = math.inf

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has come; who is too slow counts as gone."""
        left = min(SILENT_SECONDS, self.deadline - time.monotonic())
        self.settimeout(max(left, 0.001))
        try:
            return super().recv(size, flags)
        except TimeoutError as error:
            raise _gone("the request did not arrive in time") from error
        finally:
            self.settimeout(None)

    def sendall(self, content: Any, flags: int = 0) -> None:
        """Send all of it; who does not read counts as gone."""
        self.settimeout(ANSWER_SECONDS)
        try:
            super().sendall(content, flags)
        except TimeoutError as error:
            raise _gone("the answer was not read in time") from error
        finally:
            self.settimeout(None)


class _Body:
    """What reads a body; one that is cut up wrongly counts as broken off."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader

    def read(self, size: int) -> bytes:
        """The next bytes of the body."""
        try:
            content: bytes = self.reader.read(size)
        except errors.ParseException as error:
            raise _gone("the body is cut up wrongly") from error
        return content


def _gone(why: str) -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, why)


class Worker(gthread.ThreadWorker):  # type: ignore[misc] # gunicorn ships no types
    """A worker whose threads no client can hold for long."""

    def enqueue_req(self, conn: Any) -> None:
        """Let a thread answer this connection, which is a patient one from its first request on."""
        if not isinstance(conn.sock, _Patient):
            conn.sock = _patient(conn.sock)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer one request, all of which must be there in time."""
        conn.sock.deadline = time.monotonic() + REQUEST_SECONDS
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Have the request answered by the application."""
        req.body.reader = _Body(req.body.reader)
        return super().handle_request(req, conn)

    def handle_error(self, _req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Refuse what is no request of HTTP as the application refuses."""
        if isinstance(exc, errors.ParseException):
            status = STATUSES.get(type(exc), 400)
            self.log.warning("%s sent no request of HTTP: %s", (addr or [""])[0], exc)
        else:
            status = 500
            self.log.exception("a request could not be answered")
        with contextlib.suppress(OSError):
            client.sendall(answers.refusal_in_bytes(status))


def _patient(plain: socket.socket) -> _Patient:
    return _Patient(plain.family, plain.type, plain.proto, plain.detach())


class Log(Logger):  # type: ignore[misc] # gunicorn ships no types
    """The log of the server."""

    def access(self, resp: Any, _req: Any, environ: Any, request_time: timedelta) -> None:
        """Write the one line about this request, as short as it is without gunicorn."""
        asked = environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1")
        seconds = request_time.total_seconds()
        line = answers.line(environ["REMOTE_ADDR"], *asked, resp.status_code, seconds)
        self.access_log.info("%s", line)
