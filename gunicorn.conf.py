"""How gunicorn serves the API; it reads this file by itself when started in this folder."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from gunicorn.http import wsgi

from risk import files
from risk.errors import RiskError
from risk.settings import Settings
from risk.web import binding, gunicorn_worker

wsgi.SERVER = "risk"  # the name of the service, not of what it is built with
bind = binding.bind()
workers = 2
worker_class = gunicorn_worker.Worker
logger_class = gunicorn_worker.Log
threads = 128  # each may be held by a slow client for half a minute while others are answered
forwarded_allow_ips = ""  # no header is believed because of who sent it
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
            "fmt": "%(asctime)s %(name)s %(levelname)s %(message)s",
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
    """Refuse to serve others without a token, whichever way the addresses were given."""
    opened = [listener.sock.getsockname() for listener in server.LISTENERS]
    with _refusal_said(server):
        _check([*opened, *server.cfg.address])


def _check(addresses: list[Any]) -> None:
    Settings.load()
    binding.refuse_without_token(addresses)


@contextlib.contextmanager
def _refusal_said(server: Any) -> Iterator[None]:
    """Leave with the exit code of a refusal, which is said once, before each worker meets it."""
    try:
        yield
    except RiskError as error:
        server.log.error("failed with exit code %d: %s", error.exit_code, error)
        sys.exit(error.exit_code)
