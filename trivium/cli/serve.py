# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium serve`: a supervisor that owns the socket and the worker processes, and nothing else.

It stays small and imports little, for it must not fail. The data are put in order before the workers start, and again
whenever a worker died. All of them are forked by a process of their own (`cli.parent`).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

from trivium.cli.beats import Pulse
from trivium.cli.companions import companions
from trivium.cli.workers import IN_ORDER, JOBS, Ended, Workers
from trivium.errors import StartRefused
from trivium.procs import tallies, wishes
from trivium.settings import Settings

_BACKLOG: Final = 2048
_PORT_PATIENCE: Final = 1.5
_START_PATIENCE: Final = 60.0
_RESTART_PAUSE: Final = 0.2
_COMPANION_PATIENCE: Final = 5.0


class Supervisor:
    """The parent process of one server."""

    def __init__(self, settings: Settings, *, config: Path | None, given: dict[str, Any]) -> None:
        self._settings = settings
        order = {
            "data": str(settings.data),
            "config": str(config) if config else None,
            "given": {name: value for name, value in given.items() if value is not None},
        }
        self._order = order
        self._pulse = Pulse(settings.workers, settings.worker_unresponsive)
        self._tallies = tallies.make(settings.workers)
        self._looked = time.monotonic()
        self._companions = companions(settings, order)
        self._recover_again = False
        self._stopping = False
        self._woken, self._waker = os.pipe()
        for descriptor in (self._woken, self._waker):
            os.set_blocking(descriptor, False)
        self._life, self._alive = os.pipe()
        self._ready, self._reporting = os.pipe()

    def run(self) -> None:
        """Serve until a signal says otherwise; raises `StartRefused` with one sentence."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # A child has ended, or a worker wants a companion or help: the signal wakes us, and we look ourselves.
        for number in (signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        with _only_server(self._settings.data / "serve.lock"), _listen(self._settings) as listening:
            workers = Workers(
                self._order,
                ready=self._reporting,
                life=self._life,
                beats=self._pulse.memory,
                tallies=self._tallies,
            )
            try:
                self._keep_companions()
                self._put_in_order(workers)
                if not self._stopping:
                    self._start_workers(workers, listening)
                if not self._stopping:
                    print(f"Trivium is ready at http://{_shown_address(listening)}", flush=True)
                while not self._stopping:
                    ended = self._sleep(workers, self._until_next_look(self._keep_companions()))
                    self._end_silent(workers)
                    self._replace(workers, listening, ended)
                    self._recover(workers)
                    self._see_to_jobs(workers, ended)
            finally:
                listening.close()
                self._end(workers)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _sleep(self, workers: Workers, seconds: float | None = None, *more: int) -> list[Ended]:
        """Wait for a signal, for something to hear of workers or of `more`, at most so long; returns what has ended."""
        readable, _, _ = select.select([self._woken, workers.fileno(), *more], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)
        return workers.heard() if workers.fileno() in readable else []

    def _keep_companions(self) -> float | None:
        """See that the companions run; returns the seconds after which to look again, if that is needed."""
        waits = [companion.keep(self._life) for companion in self._companions]
        return min((wait for wait in waits if wait is not None), default=None)

    def _put_in_order(self, workers: Workers) -> None:
        workers.put_in_order()
        while not self._stopping:
            for child in self._sleep(workers):
                if child.status:
                    raise StartRefused("" if child.status == 2 else "the data could not be put in order; see above")
                return

    def _start_worker(self, workers: Workers, listening: socket.socket, slot: int) -> None:
        self._pulse.begin(slot)
        workers.serve(slot, listening.fileno())

    def _until_next_look(self, wait: float | None) -> float | None:
        waits = [one for one in (wait, self._pulse.interval) if one is not None]
        return min(waits, default=None)

    def _end_silent(self, workers: Workers) -> None:
        """End workers whose event loops stand still: their clients wait in vain."""
        moment = time.monotonic()
        elapsed, self._looked = moment - self._looked, moment
        for slot in self._pulse.silent(elapsed):
            pid, seconds = workers.pid(slot), self._settings.worker_unresponsive
            print(f"trivium: worker {pid} has not answered for {seconds} seconds", file=sys.stderr, flush=True)
            workers.signal(slot, signal.SIGKILL)

    def _start_workers(self, workers: Workers, listening: socket.socket) -> None:
        """Start all workers and wait until each has reported; raises `StartRefused` when one cannot start."""
        waiting = self._settings.workers
        for slot in range(waiting):
            self._start_worker(workers, listening, slot)
        deadline = time.monotonic() + _START_PATIENCE
        while waiting and not self._stopping:
            if self._sleep(workers, 1.0, self._ready):
                raise StartRefused("")
            if select.select([self._ready], [], [], 0)[0]:
                waiting -= len(os.read(self._ready, 64))
            if time.monotonic() > deadline:
                raise StartRefused("the workers do not start")

    def _replace(self, workers: Workers, listening: socket.socket, ended: list[Ended]) -> None:
        """Start others for the workers that have ended."""
        dead = [worker for worker in ended if worker.slot not in (IN_ORDER, JOBS)]
        for worker in dead:
            said = f"trivium: a worker ended with status {worker.status}; starting another"
            print(said, file=sys.stderr, flush=True)
        if dead and not self._stopping:
            for worker in dead:
                self._start_worker(workers, listening, worker.slot)
            self._recover_again = True
            # No tight loop when workers die at once.
            time.sleep(_RESTART_PAUSE)

    def _see_to_jobs(self, workers: Workers, ended: list[Ended]) -> None:
        """Start the process that does jobs where a worker wants it; when it is done, it is wanted no more."""
        wish = wishes.for_jobs(self._settings.data)
        for process in ended:
            if process.slot == JOBS:
                wish.forget()
                if process.status:
                    said = f"trivium: the process that does jobs ended with status {process.status}"
                    print(said, file=sys.stderr, flush=True)
                    self._recover_again = True
        if wish.stands() and JOBS not in workers.slots and not self._stopping:
            wish.forget()
            workers.do_jobs()

    def _recover(self, workers: Workers) -> None:
        """Let a child recover what a dead worker left. It may take a while, and others may die meanwhile."""
        if self._recover_again and IN_ORDER not in workers.slots and not self._stopping:
            self._recover_again = False
            workers.put_in_order(again=True)

    def _end(self, workers: Workers) -> None:
        """Ask the workers to end, and kill them when their time is up."""
        for slot in workers.slots:
            workers.signal(slot, signal.SIGTERM)
        deadline = time.monotonic() + self._settings.graceful_timeout
        while any(map(workers.pid, workers.slots)) and (left := deadline - time.monotonic()) > 0:
            self._sleep(workers, left)
        workers.end()
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
