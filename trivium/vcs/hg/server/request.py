# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to a Mercurial process, and its answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import Final

from trivium.vcs.hg.frames import DATA, END, PIECE, Call, Gone, frame, receive

MOST_AT_ONCE: Final = 512 << 10
"""Bytes of an answer that are gathered by a process which has others to answer."""


class OutOfPatience(BaseException):
    """A short request turned out to be long. Not an `Exception`: no handler on the way may catch it."""


class Request:
    """A call that was received; `files` are the open directories that came with it."""

    def __init__(self, connection: socket.socket, call: Call, files: list[int]) -> None:
        self.connection = connection
        self.call = call
        self.files = files
        self.apart = False
        """Whether this process has nothing else to do, and may wait for the client."""
        self.pending: list[bytes] = []
        """Frames still to be sent."""
        self.answered = False
        """Whether the whole answer is on its way."""
        self._waiting = 0

    def close(self) -> None:
        """Leave it to another process, or be done with it."""
        self.connection.close()
        for file in self.files:
            os.close(file)
        self.files = []

    def send(self, framed: bytes) -> None:
        """Send frames; small ones are gathered. Raises `OutOfPatience` where others wait, and they become many."""
        self.pending.append(framed)
        self._waiting += len(framed)
        if self.apart and self._waiting >= PIECE:
            self.flush()
        elif self._waiting > MOST_AT_ONCE:
            raise OutOfPatience

    def flush(self) -> None:
        """Send what was gathered."""
        if self.apart and self.pending:
            self.connection.settimeout(None)
            self.connection.sendall(b"".join(self.pending))
            self.forget()

    def forget(self) -> None:
        """Forget what was gathered."""
        self.pending.clear()
        self._waiting = 0

    def send_content(self, content: bytes | None) -> None:
        """Send one of several contents: pieces, and an end that says whether there is a content at all."""
        if content is None:
            self.send(frame(END, b"-"))
            return
        self.send_pieces([content])

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send one content as it is made; what comes in one is sent in several where it is long."""
        for piece in pieces:
            for at in range(0, len(piece), PIECE):
                self.send(frame(DATA, piece[at : at + PIECE]))
        self.send(frame(END))


class Body:
    """The body of a request as a file; ends where the client says so, and raises `Gone` when it breaks off."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = memoryview(b"")
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(PIECE), b""))
        while not self._rest and not self._ended:
            received = receive(self._connection)
            if received.kind == END:
                self._ended = True
            elif received.kind == DATA:
                self._rest = memoryview(received.content)
            else:
                raise Gone("a body was expected")
        taken = bytes(self._rest[:size])
        self._rest = self._rest[size:]
        return taken

    def drain(self) -> None:
        """Read to the end, for a client that reads only after it has sent all."""
        while self.read(PIECE):
            pass
