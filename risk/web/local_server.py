"""A small server for one machine, without gunicorn: for python app.py and for apicalls."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from risk.web import answers, binding, security

LONGEST_QUEUE = 128
STOPS_WITHIN_SECONDS = 0.02

log = logging.getLogger("requests_answered")  # no child of risk: apicalls needs no such lines


class _Handler(WSGIRequestHandler):
    """Answers as gunicorn does: with our name, and one line of the log."""

    def run_wsgi(self) -> None:
        """Answer one request, and take its time."""
        self.began = time.perf_counter()
        super().run_wsgi()

    def log_request(self, code: int | str = "-", _size: int | str = "-") -> None:
        """Write the one line about this request."""
        if isinstance(code, int) and self.command:
            path = unquote_to_bytes(self.path.partition("?")[0])
            seconds = time.perf_counter() - self.began
            address = self.client_address[0]
            log.info("%s", answers.line(address, self.command, path, code, seconds))

    def log(self, *_: object) -> None:
        """Say nothing else."""

    def version_string(self) -> str:
        """The name of the service, not of what it is built with."""
        return "risk"


def log_requests() -> None:
    """Write a line about every request from now on."""
    log.setLevel(logging.INFO)


def server(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """Listening, but not yet answering; a port of 0 is any that is free."""
    security.refuse_without_token([(host, port)])
    with binding.bound(host, port) as opened:
        opened.listen(LONGEST_QUEUE)
        descriptor = opened.fileno()  # which the server makes its own copy of
        return make_server(host, port, app, True, request_handler=_Handler, fd=descriptor)


@contextlib.contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The URL at which the application answers on this machine, in a thread of its own."""
    with server(app, "127.0.0.1", 0) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(STOPS_WITHIN_SECONDS,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.port}"
        finally:
            listening.shutdown()
            thread.join()
