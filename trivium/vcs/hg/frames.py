# SPDX-License-Identifier: GPL-3.0-or-later
"""The language between the server and its Mercurial processes, over a socket that only they can reach.

A connection carries one request and its answer. A frame is a kind (one byte), a length (four bytes) and so many bytes.
Open directories (the repository, and any others) travel with the first frame of a request. So names are looked up once,
on our side, and no rename in the meantime can lead Mercurial to another place.

    request    CALL (what, and what with), then for a body DATA … END
    answer     DATA … and RESULT, or HEAD (of an answer over HTTP), DATA … END; MOVED before it when something was
               written; instead of all that, or in the middle, ERROR
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from trivium.vcs.errors import (
    HeadMoved,
    NotPossible,
    NotText,
    TooExpensive,
    TooLarge,
    UnknownPath,
    UnknownRevision,
    VcsError,
)
from trivium.vcs.values import RefUpdate

CALL: Final = b"C"
DATA: Final = b"D"
END: Final = b"E"
RESULT: Final = b"R"
HEAD: Final = b"H"
MOVED: Final = b"M"
ERROR: Final = b"X"

PIECE: Final = 128 << 10
"""About how many bytes of a long content go into one frame."""
_HEAD: Final = struct.Struct("!cI")
HEAD_BYTES: Final = _HEAD.size
_MOST_FILES: Final = 3


class Call(msgspec.Struct, frozen=True):
    """A request to a Mercurial process."""

    what: str
    arguments: dict[str, Any]


class Head(msgspec.Struct, frozen=True):
    """The head of an answer over HTTP."""

    status: int
    headers: list[tuple[str, str]]


class Failure(msgspec.Struct, frozen=True):
    """Why there is no answer."""

    kind: str
    """One of `FAILURES`, or `failed`."""
    text: str


class WriteNeeded(VcsError):
    """A request that was admitted for reading holds something that writes."""


class NotUnderstood(VcsError):
    """The client's request makes no sense, or asks for too much; the message is for the user."""


FAILURES: Final[dict[str, type[VcsError]]] = {
    "unknown-revision": UnknownRevision,
    "unknown-path": UnknownPath,
    "head-moved": HeadMoved,
    "not-possible": NotPossible,
    "too-large": TooLarge,
    "not-text": NotText,
    "write-needed": WriteNeeded,
    "not-understood": NotUnderstood,
    "too-expensive": TooExpensive,
}
"""Errors, by words that the other side knows."""


class Moved(msgspec.Struct, frozen=True):
    """The changes of a transaction, as the journal tells them."""

    updates: list[tuple[str, str, str]]

    def ref_updates(self) -> list[RefUpdate]:
        return [RefUpdate(*update) for update in self.updates]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that was received."""

    kind: bytes
    content: bytes

    def decoded(self, shape: type[Any]) -> Any:
        """The content as a value of this shape."""
        return msgspec.msgpack.decode(self.content, type=shape)


class Gone(ConnectionError):
    """The other side went away in the middle of a frame or answer."""


def frame(kind: bytes, content: bytes = b"") -> bytes:
    return _HEAD.pack(kind, len(content)) + content


def frame_of(kind: bytes, value: msgspec.Struct) -> bytes:
    """A frame that carries a value."""
    return frame(kind, msgspec.msgpack.encode(value))


def head_of(raw: bytes) -> tuple[bytes, int]:
    """The kind and length in the first bytes of a frame."""
    kind, length = _HEAD.unpack(raw)
    return kind, length


def send_call(connection: socket.socket, call: Call, files: list[int]) -> None:
    """Send the first frame of a request, with open files."""
    content = frame_of(CALL, call)
    # A few bytes always go at once; the rest may have to wait.
    socket.send_fds(connection, [content[:HEAD_BYTES]], files)
    connection.sendall(content[HEAD_BYTES:])


def receive_call(connection: socket.socket) -> tuple[Call, list[int]]:
    """The first frame of a request, with the files that came with it; the caller closes them."""
    raw, files, _, _ = socket.recv_fds(connection, HEAD_BYTES, _MOST_FILES)
    try:
        for file in files:
            os.set_inheritable(file, False)
        raw += _exactly(connection, HEAD_BYTES - len(raw))
        kind, length = head_of(raw)
        if kind != CALL:
            raise Gone("a call was expected")
        return msgspec.msgpack.decode(_exactly(connection, length), type=Call), files
    except BaseException:
        for file in files:
            os.close(file)
        raise


def receive(connection: socket.socket) -> Frame:
    """The next frame; raises `Gone`."""
    kind, length = head_of(_exactly(connection, HEAD_BYTES))
    return Frame(kind, _exactly(connection, length))


def _exactly(connection: socket.socket, count: int) -> bytes:
    received = bytearray(count)
    view = memoryview(received)
    at = 0
    while at < count:
        got = connection.recv_into(view[at:])
        if not got:
            raise Gone("the connection ended early")
        at += got
    return bytes(received)
