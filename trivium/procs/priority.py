# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes first when there are not processors enough: short answers before the packing of clones.

Measure on your machine whether these requests to Linux help. `python -m bench stall` measures short calls while clones
keep the processors busy, beside a bare endpoint. Run it with the option and without: in the environment of that
command, `TRIVIUM_SHORT_CALLS_FIRST=false` leaves out `answer_soon`, and `TRIVIUM_SERVER_FIRST=false` `go_first`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from pathlib import Path
from typing import Final

_YIELDING: Final = 10
_GOING_FIRST: Final = -5

_SLICE: Final = 100_000
"""Nanoseconds, the least that Linux grants."""
_SCHED_SETATTR: Final = {"x86_64": 314, "aarch64": 274}
"""The number of the system call, which neither Python nor the C library has a function for."""
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""size, policy, flags, nice, priority, runtime, deadline, period; see sched_setattr(2)."""
_RESET_ON_FORK: Final = 1


def yield_to_others(pid: int) -> None:
    """Let a process that leads a session, and all that it starts, wait while shorter work needs a processor.

    Linux shares processors among sessions first and looks at the priority of processes only within each. If Linux
    refuses (without root it allows few such requests), nothing else is lost.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _YIELDING)
        Path(f"/proc/{pid}/autogroup").write_text(str(_YIELDING))


def let_others_go_first() -> None:
    """Let this process, and all that it starts, wait while shorter work needs a processor.

    A session that it does not lead, as that of a terminal, keeps its priority: in it, this process alone yields.
    """
    if os.getsid(0) == os.getpid():
        yield_to_others(os.getpid())
    else:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _YIELDING)


def go_first() -> None:
    """Let this process, which leads a session, have more of a processor than other sessions that want it.

    The option is `server_first`. Only root may ask for that. It is for servers whose clients run on the same machine,
    as tests and CI jobs do: there are so many that a call would wait for its turn among them. Programs that the process
    starts lead sessions of their own and gain nothing. A priority that an administrator chose for the server is kept.
    """
    with contextlib.suppress(OSError):
        autogroup = Path("/proc/self/autogroup")
        if autogroup.read_text().split()[-2:] == ["nice", "0"]:
            autogroup.write_text(str(_GOING_FIRST))


def answer_soon() -> None:
    """Let this thread go first when it wakes, for its work is short; not the threads and processes it starts.

    The option is `short_calls_first`. Linux from 6.12 on prefers a thread that asks for a shorter slice, and gives it
    no more time in all. Without that, a program that packs a clone goes on for up to a tick of some milliseconds, while
    a call of a tenth of that waits. Older kernels do not know the request; nothing is lost if it is refused. A policy
    that an administrator chose for the server is kept.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is not None and os.sched_getscheduler(0) == os.SCHED_OTHER:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wish = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, _RESET_ON_FORK, nice, 0, _SLICE, 0, 0)
        ctypes.CDLL(None).syscall(ctypes.c_long(number), 0, wish, 0)
