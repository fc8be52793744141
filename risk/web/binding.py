"""Where the server listens, and the token that it asks for; open to others only with one."""

import contextlib
import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path

from risk.errors import CannotListen, ConfigWrong

DEFAULT_BIND = "127.0.0.1:8000"
OPEN_FILES = Path("/dev/fd")
TOKEN = re.compile(r"[!-~]+", re.ASCII)


def bind() -> str:
    """The address that RISK_BIND names; PORT, which opens other servers, is not read."""
    return os.environ.get("RISK_BIND", "").strip() or DEFAULT_BIND


def host_and_port(address: str) -> tuple[str, int]:
    """The two halves of an address such as 127.0.0.1:8000 or [::1]:8000."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigWrong(f"RISK_BIND must be an address and a port, not {address!r}")
    return host.strip("[]"), int(port)


def token() -> str | None:
    """The token that RISK_API_TOKEN demands of every request, if there is one."""
    demanded = os.environ.get("RISK_API_TOKEN", "").strip()
    if demanded and not TOKEN.fullmatch(demanded):
        raise ConfigWrong("RISK_API_TOKEN must be printable ASCII without spaces")
    return demanded or None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; of a name, all that it stands for."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        inner = getattr(address, "ipv4_mapped", None)
        return bool((inner or address).is_loopback)
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", None)  # noqa: S104 - an empty host means it
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(entry[4][0])).is_loopback for entry in found)


def refuse_without_token(addresses: Iterable[object]) -> None:
    """Refuse to serve others without a token; a Unix socket, no pair, is the file system's matter.

    An address is what a socket says of itself, such as ("127.0.0.1", 8000).
    """
    hosts = [str(address[0]) for address in addresses if isinstance(address, tuple)]
    if token() is None and (open_to_others := [host for host in hosts if not is_loopback(host)]):
        raise ConfigWrong(
            f"{open_to_others[0] or 'every address'} can be reached by other machines, so a token "
            "is needed: set RISK_API_TOKEN, or listen on 127.0.0.1"
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket with this address, on which nobody else listens."""
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise CannotListen(
            f"cannot listen on {host}:{port}: {error.strerror}; "
            "end what listens there, or choose another address (RISK_BIND)"
        ) from error
    return opened


def listening() -> list[object]:
    """The addresses on which this process listens, whoever opened them and however."""
    found: list[object] = []
    for file in list(OPEN_FILES.iterdir()) if OPEN_FILES.is_dir() else []:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(file.name))) as opened:
            if opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.append(opened.getsockname())
    return found
