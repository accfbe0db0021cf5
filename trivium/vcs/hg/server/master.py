# SPDX-License-Identifier: GPL-3.0-or-later
"""The parent of the Mercurial processes. It loads Mercurial when the first request comes, then keeps workers alive.

Until then it costs next to nothing, and afterwards the workers share its loaded code. It accepts connections at a
socket in the data directory, or gets them handed through one that only its parent has (`client`), and ends with that.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from trivium.vcs.hg.limits import HgLimits
from trivium.vcs.hg.sockets import in_directory

_BACKLOG: Final = 256
_PAUSE: Final = 0.2
_LAST_WORDS: Final = 2.0
_HUNG_UP: Final = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Master:
    """Owns the place where requests come in."""

    def __init__(self, scratch: Path, workers: int, limits: HgLimits) -> None:
        self._scratch = scratch
        self._limits = limits
        self._workers = workers
        self._pids: set[int] = set()

    def listen(self, path: Path, life: int) -> None:
        """Serve at the socket `path` until `life` ends."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        with socket.socket(socket.AF_UNIX) as listening, in_directory(path) as short:
            mask = os.umask(0o177)
            listening.bind(short)
            os.umask(mask)
            listening.listen(_BACKLOG)
            listening.setblocking(False)

            def accept() -> socket.socket | None:
                try:
                    return listening.accept()[0]
                except (BlockingIOError, ConnectionAbortedError):
                    return None

            self._run(listening.fileno(), accept, life)

    def serve_parent(self, handed: socket.socket) -> None:
        """Serve the connections that arrive through `handed`, until its other end is closed."""
        from trivium.vcs.hg.frames import Gone

        handed.setblocking(False)

        def accept() -> socket.socket | None:
            try:
                said, files, _, _ = socket.recv_fds(handed, 1, 1)
            except BlockingIOError:
                return None
            if not said:
                raise Gone("the parent has ended")
            connection = socket.socket(fileno=files[0])
            connection.set_inheritable(False)
            return connection

        self._run(handed.fileno(), accept, handed.fileno())

    def _run(self, waiting: int, accept: Callable[[], socket.socket | None], life: int) -> None:
        """Wait for a first request, then serve; until `life` is hung up."""
        woken, waker = os.pipe()
        for descriptor in (woken, waker):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(mode=0o700, parents=True)
        first = select.poll()
        first.register(life, select.POLLRDHUP)
        first.register(waiting, select.POLLIN | select.POLLRDHUP)
        if not any(event & _HUNG_UP for _, event in first.poll()):
            self._serve(waiting, accept, life, woken)
        self._end()

    def _serve(self, waiting: int, accept: Callable[[], socket.socket | None], life: int, woken: int) -> None:
        from trivium.vcs.hg.server import library, worker

        worker.adopt_orphans()
        base = library.prepare(self._limits)
        # The workers share all that is loaded by now; the garbage collector must not touch it.
        gc.collect()
        gc.freeze()
        watched, watch = os.pipe()
        poll = select.poll()
        poll.register(life, select.POLLRDHUP)
        poll.register(woken, select.POLLIN)
        while True:
            while len(self._pids) < self._workers:
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    for descriptor in {watch, woken, life} - {waiting}:
                        os.close(descriptor)
                    worker.start(base, self._scratch, self._limits, waiting, accept, watched)
                self._pids.add(pid)
            if any(event & _HUNG_UP for _, event in poll.poll()):
                return
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            if self._reap():
                time.sleep(_PAUSE)

    def _reap(self) -> bool:
        """Collect ended processes; whether a worker was among them that ended against its will."""
        failed = False
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] in self._pids:
                    self._pids.discard(ended[0])
                    if ended[1]:
                        failed = True
                        print(f"trivium: a Mercurial process ended with {ended[1]}", file=sys.stderr, flush=True)
        return failed

    def _end(self) -> None:
        """End, with all processes below this one."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(os.getpgid(0), signal.SIGTERM)
        deadline = time.monotonic() + _LAST_WORDS
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0] or time.monotonic() < deadline:
                time.sleep(0.01)
        shutil.rmtree(self._scratch, ignore_errors=True)
        os._exit(0)


def main() -> None:
    """Started by a process that wants Mercurial for itself: descriptor, scratch directory, workers, limits."""
    os.umask(0o027)
    limits = HgLimits.heard(sys.argv[4])
    with socket.socket(fileno=int(sys.argv[1])) as handed:
        Master(Path(sys.argv[2]), int(sys.argv[3]), limits).serve_parent(handed)


if __name__ == "__main__":
    main()
