"""Who may ask: whoever sends the token, or this machine if there is none; Host and Origin too.

RISK_API_TOKEN holds the token. Without it the server refuses to listen for other machines.
"""

import base64
import binascii
import contextlib
import hmac
import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Flask, request

from risk.errors import ConfigWrong, RequestRefused

OPEN_TO_ALL = "/health"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
PORT = r"(:[0-9]{1,5})?"
TOKEN = re.compile(r"[!-~]+", re.ASCII)


def token() -> str | None:
    """The token that RISK_API_TOKEN demands of every request, if there is one."""
    demanded = os.environ.get("RISK_API_TOKEN", "").strip()
    if demanded and not TOKEN.fullmatch(demanded):
        raise ConfigWrong("RISK_API_TOKEN must be printable ASCII without spaces")
    return demanded or None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; of a name, all addresses it stands for."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        inner = getattr(address, "ipv4_mapped", None)
        return bool((inner or address).is_loopback)
    try:
        entries = socket.getaddrinfo(host or "0.0.0.0", None)  # noqa: S104 - what an empty host means
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(entry[4][0])).is_loopback for entry in entries)


def refuse_without_token(addresses: Iterable[object]) -> None:
    """Refuse to serve other machines without a token.

    An address is what a socket says of itself, such as ("127.0.0.1", 8000); a Unix socket's is no
    pair, and the permissions of its file decide who may ask.
    """
    hosts = [str(address[0]) for address in addresses if isinstance(address, tuple)]
    if token() is None and (open_to_others := [host for host in hosts if not is_loopback(host)]):
        raise ConfigWrong(
            f"{open_to_others[0] or 'every address'} can be reached by other machines, so a token "
            "is needed: set RISK_API_TOKEN, or listen on 127.0.0.1"
        )


def guard(app: Flask, allowed_hosts: tuple[str, ...]) -> None:
    """Check who asks before any route answers."""
    names = "|".join(re.escape(name) for name in (*LOOPBACK_NAMES, *allowed_hosts))
    host_served = re.compile(f"({names}){PORT}", re.ASCII | re.IGNORECASE)
    demanded = token()
    needed = demanded.encode() if demanded else None

    @app.before_request
    def refuse_strangers() -> None:
        environ = request.environ
        host = environ.get("HTTP_HOST", "")
        if not host_served.fullmatch(host):
            raise RequestRefused("host_refused", "this Host is not served here")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and _host_of(origin) != host.lower():
            raise RequestRefused("origin_refused", "pages of other origins may not ask here", 403)
        if needed is None:
            if not _is_this_machine(environ.get("REMOTE_ADDR", "")):
                raise RequestRefused("not_local", "only this machine may ask without a token", 403)
        elif request.path != OPEN_TO_ALL and not hmac.compare_digest(_token_sent(), needed):
            raise RequestRefused("unauthorized", "the token is missing or wrong", 401)


def refuse_forged() -> None:
    """Refuse a form that a page of another site sends.

    Browsers say in Sec-Fetch-Site where a form is from. The guard has compared the Origin, if
    there is one; a request with neither header comes from a program, which nobody can trick.
    """
    if request.environ.get("HTTP_SEC_FETCH_SITE", "same-origin") != "same-origin":
        raise RequestRefused("forged", "only the form on a client's page may record a contact", 403)


def _host_of(origin: str) -> str | None:
    """The host and port of an origin, None where they cannot be compared."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") else None


def _is_this_machine(address: str) -> bool:
    """Whether a request comes from this machine; one through a Unix socket has no address."""
    return address in ("127.0.0.1", "") or is_loopback(address)


def _token_sent() -> bytes:
    """The token as a program sends it, or as a browser does: as a password."""
    kind, _, value = request.environ.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if kind.lower() == "bearer":
        return bytes(value.strip(), "latin-1", "replace")
    if kind.lower() == "basic":
        with contextlib.suppress(binascii.Error, ValueError):
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    return b""
