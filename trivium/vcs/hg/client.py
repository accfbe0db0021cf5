# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the Mercurial processes: those of the running server, or some of our own.

Under `trivium serve` they listen at a socket in the data directory. A program that runs without the server, such as a
command, starts processes that serve it alone and end with it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from trivium.procs.watching import watched
from trivium.vcs.errors import EndedFromOutside, Killed, VcsError
from trivium.vcs.hg.frames import DATA, END, ERROR, FAILURES, RESULT, Call, Failure, Frame, Gone, receive, send_call
from trivium.vcs.hg.limits import HgLimits
from trivium.vcs.hg.sockets import in_directory

SOCKET: Final = "hg/socket"
"""Where the processes of a server listen, in its data directory."""
SCRATCH: Final = "hg/scratch"
_RESTART: Final = 3.0
"""How long the processes of a server may need to start again after they died."""
_PAUSE: Final = 0.02

T = TypeVar("T")


class HgProcesses:
    """The way to the Mercurial processes of one data directory; threads may share it."""

    def __init__(self, data: Path, *, timeout: float = 600, limits: HgLimits | None = None) -> None:
        """`timeout`: seconds without an answer; `limits` are for processes that serve us alone."""
        self._path = data / SOCKET
        self._timeout = timeout
        self._limits = limits or HgLimits()
        self._lock = threading.Lock()
        self._own: _OwnProcesses | None = None

    def close(self) -> None:
        """End processes that serve us alone."""
        with self._lock:
            if self._own is not None:
                self._own.close()
                self._own = None

    def connect(self) -> socket.socket:
        """A new connection; raises `VcsError`."""
        with self._lock:
            if self._own is not None:
                return self._own_connection()
        deadline = time.monotonic() + _RESTART
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                with in_directory(self._path) as short:
                    connection.connect(short)
                return connection
            except FileNotFoundError:
                connection.close()
                break
            except ConnectionRefusedError:
                connection.close()
                if time.monotonic() > deadline:
                    break
            except OSError as failed:
                connection.close()
                raise VcsError(f"the Mercurial processes cannot be reached: {failed}") from failed
            time.sleep(_PAUSE)
        with self._lock:
            return self._own_connection()

    def _own_connection(self) -> socket.socket:
        """A connection to processes that serve us alone; they are started, also when they have died."""
        if self._own is not None:
            try:
                return self._own.connect()
            except OSError:
                self._own.close()
        self._own = _OwnProcesses(self._limits)
        return self._own.connect()

    def ask(self, shape: type[T], what: str, *paths: Path | int, timeout: float | None = None, **arguments: Any) -> T:
        """The one value that answers a call; `paths` are the directories that the call is about."""
        with self._calling(what, paths, arguments, timeout) as connection:
            answer: T = _expect(connection, RESULT, shape)
            return answer

    def watch(
        self,
        shape: type[T],
        what: str,
        *paths: Path,
        timeout: float,
        check: Callable[[], None],
        **arguments: Any,
    ) -> T:
        """The same for what takes long, and ends when `check` raises: its process is gone by then."""
        with self._calling(what, paths, arguments, timeout) as connection:
            # The process dies when it hears that nobody waits for it, and we when it has.
            with watched(check, lambda: connection.shutdown(socket.SHUT_WR)):
                answer: T = _expect(connection, RESULT, shape)
            return answer

    def call(self, what: str, files: list[int], arguments: dict[str, Any]) -> socket.socket:
        """The connection over which a call was just made; raises `VcsError`."""
        connection = self.connect()
        try:
            send_call(connection, Call(what, arguments), files)
        except OSError as failed:
            connection.close()
            raise VcsError(f"Mercurial could not {what}: {failed}") from failed
        return connection

    @contextlib.contextmanager
    def _calling(
        self, what: str, paths: Sequence[Path | int], arguments: dict[str, Any], timeout: float | None = None
    ) -> Iterator[socket.socket]:
        try:
            with opened(paths) as files, self.connect() as connection:
                connection.settimeout(timeout or self._timeout)
                send_call(connection, Call(what, arguments), files)
                yield connection
        except ConnectionError as failed:
            raise EndedFromOutside(f"Mercurial could not {what}: {failed}") from failed
        except (OSError, msgspec.MsgspecError) as failed:
            raise Killed(f"Mercurial could not {what}: {failed}") from failed

    @contextlib.contextmanager
    def stream(self, what: str, *paths: Path | int, **arguments: Any) -> Iterator[Stream]:
        """A call with many answers."""
        with self._calling(what, paths, arguments) as connection:
            yield Stream(connection)


class Stream:
    """The answers to a call, as they come."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def value(self, shape: type[T]) -> T:
        """The next answer, which is a value."""
        found: T = _expect(self._connection, RESULT, shape)
        return found

    def content(self) -> bytes | None:
        """The next answer, which is a content; None for one that is missing."""
        pieces = []
        while (received := self._piece()).kind == DATA:
            pieces.append(received.content)
        return None if received.content else b"".join(pieces)

    def pieces(self) -> Iterator[bytes]:
        """The next answer, which is a content that is there, as it comes."""
        while (received := self._piece()).kind == DATA:
            yield received.content

    def _piece(self) -> Frame:
        received = _checked(receive(self._connection))
        if received.kind not in (DATA, END):
            raise Gone("a content was expected")
        return received


class _OwnProcesses:
    """Mercurial processes for this process alone: connections are handed to them through a socket without a name."""

    def __init__(self, limits: HgLimits) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="trivium-hg-")
        self._handing, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            scratch = str(Path(self._scratch.name, "scratch"))
            told = [str(theirs.fileno()), scratch, "1", limits.told()]
            command = [sys.executable, "-m", "trivium.vcs.hg.server.master", *told]
            self._process = subprocess.Popen(
                command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, start_new_session=True
            )

    def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            try:
                socket.send_fds(self._handing, [b"c"], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    def close(self) -> None:
        self._handing.close()
        self._process.wait()
        self._scratch.cleanup()


@contextlib.contextmanager
def opened(paths: Sequence[Path | int]) -> Iterator[list[int]]:
    """Directories, open; those that are given as descriptors are the caller's."""
    with contextlib.ExitStack() as held:
        files = []
        for path in paths:
            if isinstance(path, int):
                files.append(path)
            else:
                files.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
                held.callback(os.close, files[-1])
        yield files


def _expect(connection: socket.socket, kind: bytes, shape: type[T]) -> T:
    received = _checked(receive(connection))
    if received.kind != kind:
        raise Gone("another answer was expected")
    value: T = received.decoded(shape)
    return value


def _checked(received: Frame) -> Frame:
    """The frame, unless it is a failure, which is raised."""
    if received.kind == ERROR:
        raise_failure(received)
    return received


def raise_failure(received: Frame) -> NoReturn:
    """Raise the error that an answer tells."""
    failure = received.decoded(Failure)
    raise FAILURES.get(failure.kind, VcsError)(failure.text)
