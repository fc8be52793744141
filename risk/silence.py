"""Cut a connection whose server fell silent: the driver of PostgreSQL would wait for ever."""

import os
import socket
import threading
from typing import Any

import sqlalchemy as sa

LONGEST_SILENCE_SECONDS = 90  # a server that works refuses a statement before


def hang_up_on(engine: sa.Engine) -> None:
    """Cut the connections of this engine whose server answers nothing for this long."""

    def watch(link: Any, info: dict[str, Any]) -> None:
        stop(info)
        info["watch"] = timer = threading.Timer(LONGEST_SILENCE_SECONDS, _hang_up, [link])
        timer.daemon = True
        timer.start()

    def stop(info: dict[str, Any]) -> None:
        if timer := info.pop("watch", None):
            timer.cancel()

    def ask(connection: sa.Connection, *_: object) -> None:
        if not connection.invalidated:
            watch(connection.connection.dbapi_connection, connection.info)

    sa.event.listen(engine, "connect", lambda link, record: watch(link, record.info))
    for moment in ("before_cursor_execute", "commit", "rollback"):
        sa.event.listen(engine, moment, ask)
    sa.event.listen(engine, "after_cursor_execute", lambda connection, *_: stop(connection.info))
    sa.event.listen(engine, "close", lambda _, record: stop(record.info))


def _hang_up(link: Any) -> None:
    if not link.closed:
        with socket.socket(fileno=os.dup(link.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
