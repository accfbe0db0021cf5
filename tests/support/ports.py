# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for programs that must be told one, and that come back to it after a test has ended them."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

_dice = random.SystemRandom()
_LOWEST = 10_000


def free_port() -> int:
    """A port of the loopback that nobody has.

    It is below those which the kernel gives to connections and to servers that name none. One of these would be
    somebody else's soon, if only for the time of a connection, and most likely while its program is away.
    """
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = _dice.randrange(_LOWEST, given) if given > 2 * _LOWEST else 0
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as taken:
            return int(taken.getsockname()[1])
