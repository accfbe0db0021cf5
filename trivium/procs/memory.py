# SPDX-License-Identifier: GPL-3.0-or-later
"""What was freed goes back to the system.

The C library keeps what it was given in an arena for each thread. Large work, such as making a list of changesets with
all diffs, leaves megabytes of free memory between a few bytes that are in use, in every thread that did any.

Measured with `make bench memory` (the largest worker / the whole tree, idle after a minute of mixed load, MB): with
neither of these 159 / 387, with what is given back 101 / 274, and with few arenas as well 67 / 211.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from typing import Final

_ARENA_MAX: Final = -8
"""M_ARENA_MAX of malloc.h."""
_ARENAS: Final = 2


def keep_together() -> None:
    """Let all threads of this process share few arenas; before there are threads.

    They compute one at a time, for there is one interpreter: arenas of their own would only be holes of their own.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def give_back(*, thoroughly: bool) -> None:
    """Return free memory, of all threads; takes some milliseconds, in which others go on.

    `thoroughly`: look first for what holds itself in circles, as what a call that failed knew may do. Nobody else
    gets on meanwhile; for whoever has nothing to do.
    """
    if thoroughly:
        gc.collect()
    with contextlib.suppress(AttributeError, OSError):  # only the GNU library knows it, and needs it
        ctypes.CDLL(None).malloc_trim(0)
