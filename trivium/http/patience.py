# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on the event loop for what other processes do: without a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

_FIRST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.05
"""Seconds between two looks at most. No event says that another process has done something."""


async def comes_true(is_so: Callable[[], bool], *, until: float) -> bool:
    """Wait until `is_so` says yes, at most `until` a time of the event loop; returns whether it did.

    `is_so` is asked on the event loop and must not wait for anything.
    """
    clock = asyncio.get_running_loop().time
    pause = _FIRST_PAUSE
    while not is_so():
        left = until - clock()
        if left <= 0:
            return False
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
    return True
