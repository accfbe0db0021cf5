# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP by hand: what no orderly client would send."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.clients import Person


def basic(name: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def signed_in(person: Person, **headers: str) -> dict[str, str]:
    """Headers of a person; `content_type` is written as a keyword and sent as Content-Type."""
    return {"Authorization": basic(person.name, person.password)} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


@contextlib.contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """A connection to a server."""
    target = urlsplit(url)
    with socket.create_connection((target.hostname or "", target.port or 80), timeout=60) as connection:
        yield connection


def is_taken(connection: socket.socket) -> bool:
    """Whether a server on this machine has taken all that was sent, or has ended the connection."""
    port = f":{connection.getsockname()[1]:04X}"
    waiting = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        sent, received = queues.split(":")
        waiting += [sent] * local.endswith(port) + [received] * remote.endswith(port)
    return not any(int(size, 16) for size in waiting)


def everything(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


def exchange(url: str, request: bytes) -> bytes:
    """What a server answers to these bytes before it closes the connection."""
    with connected(url) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        return everything(connection)


def status_of(answer: bytes) -> int:
    """The status of the first answer."""
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer.split(b" ", 2)[1])


def pkt(payload: str) -> bytes:
    """One packet line of git's protocols."""
    return b"%04x" % (len(payload.encode()) + 4) + payload.encode()
