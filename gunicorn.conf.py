"""How gunicorn serves the API; it reads this file by itself when started in this folder."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from gunicorn.http import wsgi

from risk import binding, files, worker
from risk.errors import ConfigWrong
from risk.settings import Settings

wsgi.SERVER = "risk"  # the name of the service, not of what it is built with
bind = binding.bind()
workers = 2
worker_class = worker.Worker
logger_class = worker.Log
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


def pre_fork(server: Any, _worker: Any) -> None:
    """Refuse to serve others without a token, whichever way the addresses were given.

    A configuration that cannot be followed is said here once, before each worker stumbles over it.
    """
    opened = [listener.sock.getsockname() for listener in server.LISTENERS]
    try:
        Settings.load()
        binding.refuse_without_token([*opened, *server.cfg.address])
    except ConfigWrong as error:
        server.log.error("failed with exit code %d: %s", error.exit_code, error)
        sys.exit(error.exit_code)
