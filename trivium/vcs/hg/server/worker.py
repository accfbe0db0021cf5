# SPDX-License-Identifier: GPL-3.0-or-later
"""One Mercurial process: short requests are answered here, each long one by a process forked for it.

So nobody waits behind a clone, a dying process takes only its own request with it, and the memory of a long request is
given back at its end. A short request that turns out to be long is stopped, and a process of its own begins it anew.
This process has one thread, so that it can fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from mercurial import error

from trivium.vcs.errors import VcsError
from trivium.vcs.hg.frames import ERROR, FAILURES, Call, Failure, Gone, frame_of, receive_call
from trivium.vcs.hg.limits import HgLimits
from trivium.vcs.hg.server import library
from trivium.vcs.hg.server.confinement import Patience, limit_memory
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.operations import CHANGES, OPERATIONS, is_long
from trivium.vcs.hg.server.request import MOST_AT_ONCE, OutOfPatience, Request

_KEPT: Final = 16
"""Repositories that stay open."""
_RETIRE_AFTER: Final = 5_000
"""Requests after which a process makes room for a fresh one."""
_LOOK_EVERY: Final = 50
_LARGEST: Final = 200 << 20
"""Resident bytes with which a process makes room for a fresh one."""
_MOST_FORKED: Final = 24
"""Long requests at once; others wait until one of them has ended."""
_MOST_SENT: Final = 32
"""Answers that wait until their clients have read their beginnings."""
_AT_ONCE: Final = 0.2
"""Seconds that a short request may take; after that a process of its own begins it anew."""
_PATIENCE: Final = 10.0
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG: Final = 1

Source = Callable[[], socket.socket | None]
"""Where connections come from: the next one, None when another process was quicker; raises `Gone` at the end."""


class Worker:
    """Serves connections until it is told to end, or is too old."""

    def __init__(self, base: Any, scratch: Path, limits: HgLimits) -> None:
        self.base = base
        self.limits = limits
        self._scratch = scratch
        self._open: OrderedDict[tuple[int, int], tuple[int, Repository]] = OrderedDict()
        self._served = 0
        self._patience = Patience(_AT_ONCE)
        self._forked: dict[int, int] = {}
        """Descriptor of a process that we forked → its number."""
        self._waiting: deque[Request] = deque()
        """Long requests without a forked process yet."""
        self._sending: dict[socket.socket, memoryview] = {}
        """Connections of short requests → what has to be sent there when it is read."""

    def run(self, waiting: int, accept: Source, watch: int) -> None:
        """Serve the connections of `accept` whenever the descriptor `waiting` is readable, until `watch` ends."""
        self._closed_in_children = (waiting, watch)
        self._sweep()
        while not self._is_old():
            readable, writable, _ = select.select([waiting, watch, *self._forked], self._sending, [])
            if watch in readable:
                return
            self._send_on(writable)
            self._reap(descriptor for descriptor in readable if descriptor in self._forked)
            if waiting not in readable:
                continue
            try:
                connection = accept()
            except Gone:
                return
            if connection is not None:
                connection.settimeout(_PATIENCE)
                self._receive(connection)

    def _is_old(self) -> bool:
        """Whether it is time to make room for a fresh process; waiting requests are served first."""
        self._served += 1
        if self._served % _LOOK_EVERY or self._waiting or self._sending:
            return False
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
        return self._served > _RETIRE_AFTER or resident > _LARGEST

    def _receive(self, connection: socket.socket) -> None:
        try:
            call, files = receive_call(connection)
        except (OSError, msgspec.MsgspecError):
            connection.close()
            return
        request = Request(connection, call, files)
        if is_long(call):
            self._waiting.append(request)
            self._begin()
            return
        try:
            with self._patience if call.what not in CHANGES else contextlib.nullcontext():
                answer = self._answer(request, apart=False)
        except OutOfPatience:
            # It was stopped in the middle of something: no other request may get this repository object.
            self._forget(request)
            request.forget()
            self._waiting.append(request)
            self._begin()
            return
        try:
            self._send(connection, answer)
        finally:
            request.close()

    def _begin(self) -> None:
        """Fork for those that wait, as many as may be at once."""
        while self._waiting and len(self._forked) < _MOST_FORKED:
            request = self._waiting.popleft()
            try:
                self._fork(lambda request=request: self._answer(request, apart=True))  # type: ignore[misc]
            finally:
                request.close()

    def _reap(self, ended: Iterable[int]) -> None:
        for descriptor in list(ended):
            pid = self._forked.pop(descriptor)
            os.close(descriptor)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            shutil.rmtree(self._scratch / str(pid), ignore_errors=True)  # the remains of a killed process
        self._begin()

    def _forget(self, request: Request) -> None:
        """Close the repositories of a request."""
        for file in request.files:
            state = os.fstat(file)
            kept = self._open.pop((state.st_dev, state.st_ino), None)
            if kept is not None:
                os.close(kept[0])

    def _send(self, connection: socket.socket, answer: bytes) -> None:
        """Send a short answer; what does not fit into the socket follows when its client has read some of it."""
        connection.setblocking(False)
        try:
            sent = connection.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(answer):
            rest = memoryview(answer)[sent:]
            if len(self._sending) < _MOST_SENT and len(rest) <= MOST_AT_ONCE:
                self._sending[connection.dup()] = rest
                return

            def send_rest() -> None:
                connection.setblocking(True)
                connection.sendall(rest)

            self._fork(send_rest)

    def _send_on(self, writable: Iterable[socket.socket]) -> None:
        """Send more of the answers that did not fit."""
        for connection in writable:
            try:
                left = self._sending[connection][connection.send(self._sending[connection]) :]
            except BlockingIOError:
                continue
            except OSError:  # the client is gone
                left = memoryview(b"")
            if left:
                self._sending[connection] = left
            else:
                del self._sending[connection]
                connection.close()

    def _answer(self, request: Request, *, apart: bool) -> bytes:
        """Carry out a request. The answer is returned, or sent if this process may wait for that (`apart`)."""
        try:
            request.apart = apart
            OPERATIONS[request.call.what](self, request)
        except OSError as gone:
            if isinstance(gone, ConnectionError):
                request.forget()
            else:
                request.send(frame_of(ERROR, Failure("failed", f"{gone!r}")))
        except MemoryError:
            text = "It needs more memory than the server allows (max_object_bytes)."
            request.send(frame_of(ERROR, Failure("too-expensive", text)))
        except Exception as failed:
            request.send(frame_of(ERROR, _failure(request.call, failed)))
        answer = b"".join(request.pending)
        if apart and answer:
            request.answered = True
            request.connection.sendall(answer)
        return answer

    def repository(self, directory: int) -> Repository:
        """The repository in an open directory, kept open for the next request, as it is now."""
        state = os.fstat(directory)
        key = (state.st_dev, state.st_ino)
        kept = self._open.get(key)
        if kept is None:
            own = os.dup(directory)
            try:
                kept = (own, library.open_repository(self.base, own))
            except BaseException:
                os.close(own)
                raise
            self._open[key] = kept
            if len(self._open) > _KEPT:
                _, (oldest, _) = self._open.popitem(last=False)
                os.close(oldest)
        else:
            self._open.move_to_end(key)
            kept[1].invalidate()
        return kept[1]

    def fresh(self, directory: int) -> Repository:
        """The repository in an open directory, for a client that changes it and reads Mercurial's messages."""
        return library.open_repository(self.base, directory, quiet=False)

    def _fork(self, work: Callable[[], object]) -> None:
        """Do something in a process of its own."""
        pid = os.fork()
        if pid:
            self._forked[os.pidfd_open(pid)] = pid
            return
        status = 1
        place = self._scratch / str(os.getpid())
        try:
            for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            # A client that connects must not wait for this process when the others are gone.
            for descriptor in (*self._closed_in_children, *self._forked):
                os.close(descriptor)
            for other in self._waiting:
                other.close()
            for connection in self._sending:
                connection.close()
            place.mkdir(mode=0o700)
            tempfile.tempdir = str(place)
            work()
            status = 0
        except ConnectionError:
            pass
        except BaseException:
            traceback.print_exc()
        finally:
            shutil.rmtree(place, ignore_errors=True)
            sys.stderr.flush()
            os._exit(status)

    def _sweep(self) -> None:
        """Remove from the scratch directory the remains of killed processes whose parent is gone as well."""
        for place in self._scratch.iterdir():
            if place.name.isdigit() and not Path("/proc", place.name).exists():
                shutil.rmtree(place, ignore_errors=True)


def _failure(call: Call, failed: Exception) -> Failure:
    for kind, error_of_ours in FAILURES.items():
        if isinstance(failed, error_of_ours):
            return Failure(kind, str(failed))
    if isinstance(failed, (VcsError, error.Error)):
        return Failure("failed", f"{call.what}: {failed!r}")
    # An unexpected error: say where.
    where = traceback.extract_tb(failed.__traceback__)[-1]
    return Failure("failed", f"{call.what}: {failed!r} at {Path(where.filename).name}:{where.lineno}")


def start(base: Any, scratch: Path, limits: HgLimits, waiting: int, accept: Source, watch: int) -> None:
    """Be a worker, from the moment after the fork on; does not return."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        gc.enable()
        limit_memory(limits.memory)
        Worker(base, scratch, limits).run(waiting, accept, watch)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def adopt_orphans() -> None:
    """Let this process be the parent of those whose own parent has ended."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
