"""A small server for one machine, beside gunicorn: for a look, and for apicalls."""

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from risk import binding


class _Quiet(WSGIRequestHandler):
    """Writes no lines of its own: the application writes one for each request."""

    def log(self, *_: object) -> None:
        """Say nothing."""

    def version_string(self) -> str:
        """The name of the service, not of what it is built with."""
        return "risk"


def server(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """Listening, but not yet answering; a port of 0 is any that is free."""
    binding.refuse_without_token([(host, port)])
    return make_server(host, port, app, threaded=True, request_handler=_Quiet)
