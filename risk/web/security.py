"""Who may ask: the token, the Host, the Origin."""

import base64
import binascii
import hmac
import re
from urllib.parse import urlsplit

from flask import Flask, request

from risk.errors import RequestRefused
from risk.web import binding

OPEN_TO_ALL = "/health"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
PORT = r"(:[0-9]{1,5})?"


def refuse_forged() -> None:
    """Let no page of others send a form; no browser lets a page lie about where it is from.

    Where there is an origin, the guard has found it to be ours; what sends neither header is a
    program, which nobody can trick into asking.
    """
    if request.environ.get("HTTP_SEC_FETCH_SITE", "same-origin") != "same-origin":
        raise RequestRefused("forged", "only the form on a client's page may record a contact", 403)


def guard(app: Flask, allowed_hosts: tuple[str, ...]) -> None:
    """Look at who asks before any route does."""
    app.before_request(_Guard(allowed_hosts, binding.token()).judge)


class _Guard:
    """Looks at who asks, before anything else does."""

    def __init__(self, allowed_hosts: tuple[str, ...], token: str | None) -> None:
        names = "|".join(re.escape(name) for name in (*LOOPBACK_NAMES, *allowed_hosts))
        self.host = re.compile(f"({names}){PORT}", re.ASCII | re.IGNORECASE)
        self.token = token.encode() if token else None

    def judge(self) -> None:
        """Let the request pass, or refuse it."""
        environ = request.environ
        host = environ.get("HTTP_HOST", "")
        if not self.host.fullmatch(host):
            raise RequestRefused("host_refused", "this Host is not served here")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and _netloc(origin) != host.lower():
            raise RequestRefused("origin_refused", "pages of other origins may not ask here", 403)
        if self.token is None:
            if not _is_near(environ.get("REMOTE_ADDR", "")):
                raise RequestRefused("not_local", "only this machine may ask without a token", 403)
        elif request.path != OPEN_TO_ALL and not hmac.compare_digest(_token_sent(), self.token):
            raise RequestRefused("unauthorized", "the token is missing or wrong", 401)


def _netloc(origin: str) -> str | None:
    """The host of an origin, none where it cannot be compared."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") else None


def _is_near(address: str) -> bool:
    """Whether the other end is on this machine; a Unix socket's has no address."""
    return address in ("127.0.0.1", "") or binding.is_loopback(address)


def _token_sent() -> bytes:
    """The token as a program sends it, or as a browser does: as a password."""
    kind, _, value = request.environ.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if kind.lower() == "bearer":
        return bytes(value.strip(), "latin-1", "replace")
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""
