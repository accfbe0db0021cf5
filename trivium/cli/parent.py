# SPDX-License-Identifier: GPL-3.0-or-later
"""The parent of the workers: it loads their code once, and forks them whenever the supervisor asks for one.

A worker that loads everything itself takes a second of a processor to start, and shares none of it. Forked workers
start in a tenth of that, after a crash too, and share the memory of what was loaded. So the parent has no threads, and
opens nothing that two processes must not both have: no database, no connection, no repository.

Started by the supervisor only (`cli.workers`), with an order in JSON on the command line. It ends when the supervisor
closes the socket, and the kernel ends what it forked when it is gone.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

import msgspec

import trivium.cli.lean  # noqa: F401  # before all else that loads libraries
from trivium.cli import worker
from trivium.cli.logs import set_up_logging
from trivium.cli.order import ParentOrder
from trivium.cli.workers import IN_ORDER, JOBS, MESSAGE, Wish
from trivium.errors import StartRefused, TriviumError
from trivium.procs.memory import give_back, keep_together
from trivium.procs.ties import end_with

_WAKING: Final = 4096
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


class _Parent:
    """What it forked and has not ended yet."""

    def __init__(self, order: ParentOrder) -> None:
        self._order = order
        self._requests = socket.socket(fileno=order.requests)
        self._pids: dict[int, int] = {}
        """By slot."""
        self._woken, self._waker = os.pipe()
        for descriptor in (self._woken, self._waker):
            os.set_blocking(descriptor, False)

    def run(self) -> None:
        """Do what the supervisor asks for; returns when it has closed the socket."""
        # Who ends a service may send everybody a signal. The supervisor decides who ends, and when.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        with contextlib.suppress(ConnectionError):
            while self._next():
                pass

    def _next(self) -> bool:
        readable, _, _ = select.select([self._requests.fileno(), self._woken], [], [])
        if self._woken in readable:
            os.read(self._woken, _WAKING)
            self._look_for_ended()
        if self._requests.fileno() not in readable:
            return True
        message, descriptors, _, _ = socket.recv_fds(self._requests, MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        if message:
            self._do(Wish(*json.loads(message)), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        return bool(message)

    def _do(self, wish: Wish, listening: int = -1) -> None:
        if wish.signal:
            # Not waited for yet, so it is still the same process.
            if wish.slot in self._pids:
                os.kill(self._pids[wish.slot], wish.signal)
        elif wish.slot == IN_ORDER:
            self._fork(wish.slot, lambda: worker.put_in_order(self._order, again=wish.again))
        elif wish.slot == JOBS:
            self._fork(wish.slot, lambda: worker.do_jobs(self._order))
        else:
            self._fork(wish.slot, lambda: worker.serve(self._order, wish.slot, listening))

    def _fork(self, slot: int, work: Callable[[], None]) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:  # too many processes, or no memory: the supervisor asks again
            print(f"trivium: no worker can be started: {error.strerror}", file=sys.stderr)
            self._requests.send(json.dumps([slot, 0, 1]).encode())
            return
        if pid == 0:
            self._become(work, parent)
        self._pids[slot] = pid
        self._requests.send(json.dumps([slot, pid, None]).encode())

    def _become(self, work: Callable[[], None], parent: int) -> NoReturn:
        """Be another process from now on."""
        status = 1
        try:
            end_with(parent)
            os.setsid()  # who ends a worker together with all that it started must not end the others
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)  # one that was sent meanwhile comes now
            for descriptor in (self._woken, self._waker):
                os.close(descriptor)
            self._requests.close()
            status = _status_of(work)
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(status)  # to take everything apart that was loaded would copy all memory first

    def _look_for_ended(self) -> None:
        for slot, pid in list(self._pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self._pids[slot]
                self._requests.send(json.dumps([slot, pid, os.waitstatus_to_exitcode(status)]).encode())


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """The signal wakes us, and we look ourselves."""


def _status_of(work: Callable[[], None]) -> int:
    try:
        work()
    except (StartRefused, TriviumError) as error:
        print(f"trivium: {error}", file=sys.stderr)
        return 2
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def main() -> None:
    gc.disable()  # what is imported stays: to look through it meanwhile is a fifth of the time that loading takes
    order = msgspec.json.decode(sys.argv[1].encode(), type=ParentOrder)
    for descriptor in (order.requests, order.ready, order.life, order.beats, order.tallies):
        os.set_inheritable(descriptor, False)  # they are for workers, not for what workers start
    keep_together()
    try:
        settings = order.settings()
        set_up_logging(settings.log_level)
        worker.load(settings.url)
    except (StartRefused, TriviumError) as error:
        print(f"trivium: {error}", file=sys.stderr)
        sys.exit(2)
    # What is loaded by now stays. To look through it would take an eighth of the whole start for nothing, and each time
    # that a worker does it, copy it.
    give_back(thoroughly=False)
    gc.freeze()
    _Parent(order).run()
    os._exit(0)


if __name__ == "__main__":
    main()
