# SPDX-License-Identifier: GPL-3.0-or-later
"""How slow a client may be that sends or reads a transfer: who drips holds a place that others wait for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Final

from trivium.asgi import Disconnected

LEAST: Final = 4 << 10
"""Bytes a second that a client must manage on average while it is waited for."""
LONGEST: Final = 6 * 3600
"""Seconds for which one transfer waits for its client altogether."""


class Pace:
    """What one client has kept us waiting, and for how much; what the server itself needs does not count."""

    def __init__(self, window: float) -> None:
        self.window = window
        """Seconds of waiting over which the average is taken."""
        self._waited = 0.0
        self._bytes = 0
        self._altogether = 0.0

    def note(self, seconds: float, size: int) -> None:
        """A client was waited for; raises `Disconnected` when it is too slow."""
        self._waited += seconds
        self._altogether += seconds
        self._bytes += size
        if self._altogether > LONGEST:
            raise Disconnected
        if self._waited >= self.window:
            if self._bytes < LEAST * self._waited:
                raise Disconnected
            self._waited = 0.0
            self._bytes = 0


async def paced(body: AsyncIterator[bytes], pace: Pace) -> AsyncIterator[bytes]:
    """A body that must not drip; raises `Disconnected`."""
    began = time.monotonic()
    async for chunk in body:
        pace.note(time.monotonic() - began, len(chunk))
        yield chunk
        began = time.monotonic()
