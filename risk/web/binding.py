"""Where the server listens: RISK_BIND, or 127.0.0.1:8000."""

import contextlib
import os
import socket
from pathlib import Path

from risk.errors import CannotListen, ConfigWrong

DEFAULT_BIND = "127.0.0.1:8000"
OPEN_FILES = Path("/dev/fd")


def bind() -> str:
    """The address that RISK_BIND names; PORT, which other servers follow, is not read."""
    return os.environ.get("RISK_BIND", "").strip() or DEFAULT_BIND


def host_and_port(address: str) -> tuple[str, int]:
    """The two halves of an address such as 127.0.0.1:8000 or [::1]:8000."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigWrong(f"RISK_BIND must be an address and a port, not {address!r}")
    return host.strip("[]"), int(port)


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
    addresses: list[object] = []
    for file in list(OPEN_FILES.iterdir()) if OPEN_FILES.is_dir() else []:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(file.name))) as opened:
            if opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                addresses.append(opened.getsockname())
    return addresses
