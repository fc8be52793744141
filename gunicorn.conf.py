"""How gunicorn serves the API; it reads this file by itself when started in this folder."""

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from gunicorn.glogging import Logger
from gunicorn.http import wsgi

from risk import files
from risk.errors import RiskError
from risk.settings import Settings
from risk.web import answers, binding, security

PATIENCE = {socket.SO_RCVTIMEO: 10, socket.SO_SNDTIMEO: 30}  # seconds of silence in a request

wsgi.SERVER = "risk"  # the name of the service, not of what it is built with
bind = binding.bind()
workers = 2
worker_class = "gthread"
threads = 128  # a slow client holds one of them while the others answer
forwarded_allow_ips = ""  # no sender of headers is trusted
forwarder_headers = ""
keepalive = 5
timeout = 60
control_socket_disable = True
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "risk.cli.OneLine",
            "fmt": "%(asctime)s %(name)s %(levelname)s %(message).1000s",
            "datefmt": files.TIME,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        "gunicorn.access": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
    },
}


class RequestLog(Logger):
    """The log of the server, with one short line about each request, whatever was sent."""

    def access(self, resp: Any, _req: Any, environ: Any, request_time: timedelta) -> None:
        """Write the line, the same as python app.py writes."""
        path = environ.get("PATH_INFO", environ["RAW_URI"])  # gunicorn refuses before there is one
        asked = environ["REMOTE_ADDR"], environ["REQUEST_METHOD"], path.encode("latin-1")
        status, seconds = int(resp.status.split()[0]), request_time.total_seconds()
        line = answers.line(*asked, status, seconds)
        self.access_log.info("%s", line)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log an error with its trace, unless a client fell silent, which is not an error here."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            self.info("a client fell silent and was left")
        else:
            super().exception(msg, *args, **kwargs)


logger_class = RequestLog


def on_starting(server: Any) -> None:
    """Refuse before anything is opened; gunicorn alone would try a taken port five times."""
    addresses = server.cfg.address
    is_given = binding.listening() or server.cfg.reuse_port  # by systemd, or shared on purpose
    with _refusal_said(server):
        _check(addresses)
        for address in () if is_given else addresses:
            if isinstance(address, tuple):
                binding.bound(*address).close()


def pre_fork(server: Any, _worker: Any) -> None:
    """Refuse to serve others without a token, however the addresses were given.

    TCP connections inherit the patience of the socket that accepts them; Unix ones do not.
    """
    listeners = [listener.sock for listener in server.LISTENERS]
    with _refusal_said(server):
        _check([*(listener.getsockname() for listener in listeners), *server.cfg.address])
    for listener in listeners:
        for option, seconds in PATIENCE.items():
            listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def _check(addresses: list[Any]) -> None:
    Settings.load()
    security.refuse_without_token(addresses)


@contextlib.contextmanager
def _refusal_said(server: Any) -> Iterator[None]:
    """Log a refusal once, before any worker meets it, and leave with its exit code."""
    try:
        yield
    except RiskError as error:
        server.log.error("failed with exit code %d: %s", error.exit_code, error)
        sys.exit(error.exit_code)
