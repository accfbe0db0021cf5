# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium serve`: a supervisor that owns the socket and the worker processes, and nothing else.

It stays small and imports little, for it must not fail. The data are put in order by a child before the workers
start, and again whenever a worker died.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from trivium.cli.beats import Pulse
from trivium.cli.companions import companions
from trivium.errors import StartRefused
from trivium.settings import Settings

_BACKLOG: Final = 2048
_PORT_PATIENCE: Final = 1.5
_START_PATIENCE: Final = 60.0
_RESTART_PAUSE: Final = 0.2
_COMPANION_PATIENCE: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Worker:
    """A worker process and its place among the beats."""

    process: subprocess.Popen[bytes]
    slot: int


class Supervisor:
    """The parent process of one server."""

    def __init__(self, settings: Settings, *, config: Path | None, given: dict[str, Any]) -> None:
        self._settings = settings
        self._order = {
            "data": str(settings.data),
            "config": str(config) if config else None,
            "given": {name: value for name, value in given.items() if value is not None},
        }
        self._workers: dict[int, _Worker] = {}
        self._pulse = Pulse(settings.workers, settings.worker_unresponsive)
        self._looked = time.monotonic()
        self._companions = companions(settings, self._order)
        self._recovery: subprocess.Popen[bytes] | None = None
        self._recover_again = False
        self._stopping = False
        self._woken, self._waker = os.pipe()
        for descriptor in (self._woken, self._waker):
            os.set_blocking(descriptor, False)
        self._life, self._alive = os.pipe()
        self._ready, self._reporting = os.pipe()
        self._go, self._signal = os.pipe()

    def run(self) -> None:
        """Serve until a signal says otherwise; raises `StartRefused` with one sentence."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # A child has ended, or a worker wants a companion: the signal wakes us, and we look ourselves.
        for number in (signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        with _only_server(self._settings.data / "serve.lock"), _listen(self._settings) as listening:
            try:
                self._keep_companions()
                # The workers load their code while a child puts the data in order, and then wait for it.
                for slot in range(self._settings.workers):
                    self._start_worker(listening, slot)
                self._put_in_order()
                os.close(self._signal)
                if not self._stopping:
                    self._await_workers()
                if not self._stopping:
                    print(f"Trivium is ready at http://{_shown_address(listening)}", flush=True)
                while not self._stopping:
                    self._sleep(self._until_next_look(self._keep_companions()))
                    self._end_silent()
                    self._replace_dead(listening)
                    self._recover()
            finally:
                listening.close()
                self._end_workers()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _sleep(self, seconds: float | None = None) -> None:
        """Wait for a signal, at most so long."""
        select.select([self._woken], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)

    def _keep_companions(self) -> float | None:
        """See that the companions run; returns the seconds after which to look again, if that is needed."""
        waits = [companion.keep(self._life) for companion in self._companions]
        return min((wait for wait in waits if wait is not None), default=None)

    def _child(self, *, passing: tuple[int, ...] = (), **order: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "trivium.cli.worker", json.dumps(self._order | order)],
            pass_fds=passing,
            stdin=subprocess.DEVNULL,
            # Ctrl-C must reach only us: we end the workers in good order.
            start_new_session=True,
        )

    def _put_in_order(self) -> None:
        self._recovery = child = self._child()
        while child.poll() is None and not self._stopping:
            self._sleep()
        if child.returncode:
            raise StartRefused("" if child.returncode == 2 else "the data could not be put in order; see above")

    def _start_worker(self, listening: socket.socket, slot: int) -> None:
        self._pulse.begin(slot)
        given = {
            "listening": listening.fileno(),
            "ready": self._reporting,
            "life": self._life,
            "go": self._go,
            "beats": self._pulse.memory,
        }
        worker = self._child(passing=tuple(given.values()), **given, slot=slot)
        self._workers[worker.pid] = _Worker(worker, slot)

    def _until_next_look(self, wait: float | None) -> float | None:
        waits = [one for one in (wait, self._pulse.interval) if one is not None]
        return min(waits, default=None)

    def _end_silent(self) -> None:
        """End workers whose event loops stand still: their clients wait in vain."""
        moment = time.monotonic()
        elapsed, self._looked = moment - self._looked, moment
        silent = self._pulse.silent(elapsed)
        for pid, worker in self._workers.items():
            if worker.slot in silent:
                seconds = self._settings.worker_unresponsive
                print(f"trivium: worker {pid} has not answered for {seconds} seconds", file=sys.stderr, flush=True)
                worker.process.kill()

    def _await_workers(self) -> None:
        """Wait until every worker has reported; raises `StartRefused` when one cannot start."""
        waiting = self._settings.workers
        deadline = time.monotonic() + _START_PATIENCE
        while waiting and not self._stopping:
            readable, _, _ = select.select([self._ready, self._woken], [], [], 1.0)
            if self._ready in readable:
                waiting -= len(os.read(self._ready, 64))
            if self._woken in readable:
                self._sleep(0)
            if any(worker.process.poll() is not None for worker in self._workers.values()):
                raise StartRefused("")
            if time.monotonic() > deadline:
                raise StartRefused("the workers do not start")

    def _replace_dead(self, listening: socket.socket) -> None:
        dead = [pid for pid, worker in self._workers.items() if worker.process.poll() is not None]
        free = [self._workers[pid].slot for pid in dead]
        for pid in dead:
            status = self._workers.pop(pid).process.returncode
            print(f"trivium: a worker ended with status {status}; starting another", file=sys.stderr, flush=True)
        if dead and not self._stopping:
            for slot in free:
                self._start_worker(listening, slot)
            self._recover_again = True
            # No tight loop when workers die at once.
            time.sleep(_RESTART_PAUSE)

    def _recover(self) -> None:
        """Let a child recover what a dead worker left. It may take a while, and others may die meanwhile."""
        if self._recovery is not None and self._recovery.poll() is not None:
            self._recovery = None
        if self._recover_again and self._recovery is None and not self._stopping:
            self._recover_again = False
            self._recovery = self._child(again=True)

    def _end_workers(self) -> None:
        """Ask the workers to end, and kill them when their time is up."""
        workers = [worker.process for worker in self._workers.values()]
        children = [*workers, *([self._recovery] if self._recovery else [])]
        for worker in children:
            worker.terminate()
        deadline = time.monotonic() + self._settings.graceful_timeout
        for worker in children:
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        # The workers' last requests may still need the companions.
        for companion in self._companions:
            companion.terminate()
        for companion in self._companions:
            companion.wait(_COMPANION_PATIENCE)


@contextlib.contextmanager
def _only_server(path: Path) -> Any:
    """Hold the data directory for this server."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartRefused(f"another server already runs on {path.parent}") from None
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _listen(settings: Settings) -> Any:
    """The listening socket. Waits a moment for a port that a just killed server still holds."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StartRefused(f"the address {settings.host!r} cannot be used: {error.strerror}") from error
    deadline = time.monotonic() + _PORT_PATIENCE
    while True:
        listening = socket.socket(family, kind, number)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
            listening.listen(_BACKLOG)
            break
        except OSError as error:
            listening.close()
            if error.errno != errno.EADDRINUSE:
                raise StartRefused(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
            if time.monotonic() > deadline:
                raise StartRefused(f"port {settings.port} of {settings.host} is taken by another program") from error
            time.sleep(0.05)
    listening.setblocking(False)
    with contextlib.closing(listening):
        yield listening


def _shown_address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
