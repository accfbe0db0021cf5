# SPDX-License-Identifier: GPL-3.0-or-later
"""How a process that is written in Python reaches another server through a relay (`egress.relay`), and nothing else."""

from __future__ import annotations

import errno
import socket
from typing import Any, Final, NoReturn

_LONGEST: Final = 1 << 10


def confine_to_relay(port: int, idle: int) -> None:
    """From now on this process looks up no name, and each of its connections goes through the relay at `port`.

    `idle`: seconds that the other end may take to connect, or to say something.
    """

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        return _through(port, address, idle)

    socket.setdefaulttimeout(idle)
    socket.getaddrinfo = _look_up
    socket.create_connection = connect  # type: ignore[assignment]


def _through(port: int, address: tuple[str, int], idle: int) -> socket.socket:
    """A connection to another server; raises `OSError`."""
    host, at = address
    name = f"[{host}]:{at}" if ":" in host else f"{host}:{at}"
    connection = socket.socket(socket.AF_INET)
    try:
        connection.settimeout(idle)
        connection.connect(("127.0.0.1", port))
        connection.sendall(f"CONNECT {name} HTTP/1.1\r\n\r\n".encode("ascii"))
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            # The other server does not speak first: all of this comes from the relay.
            piece = connection.recv(_LONGEST)
            answer += piece
            if not piece or len(answer) > _LONGEST:
                raise ConnectionResetError(errno.ECONNRESET, "the transfer has ended")
        status = answer.split(b" ", 2)[1]
        if status == b"403":
            raise PermissionError(errno.EACCES, "this address was not judged")
        if status != b"200":
            raise ConnectionRefusedError(errno.ECONNREFUSED, "connection refused")
    except BaseException:
        connection.close()
        raise
    return connection


def _look_up(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.EACCES, "no name is looked up here")
