# SPDX-License-Identifier: GPL-3.0-or-later
"""The workers of a server as its supervisor sees them: asked for, ended, and heard of when they have ended.

They are forked by a process that has loaded their code (`cli.parent`). The supervisor tells it what it wants over a
socket, a `Wish` a message, and is told `[slot, process, null]` when a process was started and `[slot, process, status]`
when it has ended. Signals go the same way, because only a parent knows that a number still means the same process. The
listening socket comes with each wish for a worker, so that nobody but workers keeps the port when the server ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from typing import Any, Final, NamedTuple

from trivium.cli import modules

IN_ORDER: Final = -1
"""The slot of the process that puts the data in order."""
JOBS: Final = -2
"""The slot of the process that does jobs where many wait."""
NAME: Final = "trivium-worker"
"""What the kernel calls a worker, as `ps` and `top` show it."""
NAME_OF_JOBS: Final = "trivium-jobs"
MESSAGE: Final = 256
"""Bytes, no less than a message has."""


class Wish(NamedTuple):
    """What the parent of the workers is asked for."""

    slot: int
    """Of a worker, `IN_ORDER` or `JOBS`."""
    signal: int = 0
    """To send to the process that has the slot; 0: start one."""
    again: bool = False
    """To put the data in order after the death of a worker, while others serve."""


class Ended(NamedTuple):
    """A process that has ended."""

    slot: int
    pid: int
    """0: it never began."""
    status: int
    """As `subprocess` has it: negative after a signal."""


class Workers:
    """The processes that serve, and those that do something else beside them, by their slots."""

    def __init__(self, order: dict[str, Any], **descriptors: int) -> None:
        """`order` and `descriptors` are fields of `order.ParentOrder`."""
        self._order = order
        self._descriptors = descriptors
        self._parent: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._pids: dict[int, int] = {}
        """What was asked for and has not ended; 0: not started yet."""

    def fileno(self) -> int:
        """Readable when there is something to hear."""
        assert self._requests is not None
        return self._requests.fileno()

    @property
    def slots(self) -> list[int]:
        """Those that are taken."""
        return list(self._pids)

    def pid(self, slot: int) -> int:
        """The process that has a slot; 0 when it has not begun."""
        return self._pids.get(slot, 0)

    def serve(self, slot: int, listening: int) -> None:
        """Start a worker; `listening` is the descriptor of the listening socket."""
        self._start(Wish(slot), listening)

    def put_in_order(self, *, again: bool = False) -> None:
        """Start the process that puts the data in order; `again`: while others serve."""
        self._start(Wish(IN_ORDER, again=again))

    def do_jobs(self) -> None:
        """Start the process that does the jobs which wait, and ends then."""
        self._start(Wish(JOBS))

    def signal(self, slot: int, number: int) -> None:
        """Send a signal to the process that has a slot, if it has not ended."""
        self._ask(Wish(slot, signal=number))

    def heard(self) -> list[Ended]:
        """The processes that have ended since this was asked last. Waits until there is anything to hear."""
        assert self._requests is not None
        try:
            message = self._requests.recv(MESSAGE)
        except ConnectionError:
            message = b""
        if not message:
            return self._all_gone()
        slot, pid, status = json.loads(message)
        if status is None:
            self._pids[slot] = pid
            return []
        del self._pids[slot]
        return [Ended(slot, pid, status)]

    def end(self) -> None:
        """End the parent, and with it whatever it forked."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._parent is not None:
            self._parent.kill()
            self._parent.wait()
            self._parent = None

    def _all_gone(self) -> list[Ended]:
        """The parent has ended: the kernel has ended what it forked."""
        assert self._parent is not None
        status = self._parent.wait()
        self.end()
        print(f"trivium: the parent of the workers ended with status {status}", file=sys.stderr, flush=True)
        ended = [Ended(slot, pid, status) for slot, pid in self._pids.items()]
        self._pids.clear()
        return ended

    def _start(self, wish: Wish, *descriptors: int) -> None:
        if self._parent is None:
            self._begin()
        self._pids[wish.slot] = 0
        self._ask(wish, *descriptors)

    def _ask(self, wish: Wish, *descriptors: int) -> None:
        if self._requests is not None:
            with contextlib.suppress(ConnectionError):  # it has ended, which `heard` is about to tell
                socket.send_fds(self._requests, [json.dumps(wish).encode()], descriptors)

    def _begin(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed = self._descriptors | {"requests": theirs.fileno()}
        order = self._order | passed | {"supervisor": os.getpid()}
        with theirs:
            self._parent = modules.start("trivium.cli.parent", order, passing=passed.values())
