# SPDX-License-Identifier: GPL-3.0-or-later
"""Where tests make what they throw away: in memory, where there is room, for a disk is waited for at each commit.

What is durable is told by the kernel and by kills, not by power failures: memory keeps as much of that as a disk.
"""

from __future__ import annotations

import os
import tempfile

_MEMORY = "/dev/shm"
_ENOUGH = 4 << 30
"""Bytes that must be free in it, and besides."""


def choose() -> None:
    """Let this process, and all that it starts, make temporary files there; whoever has set `TMPDIR` decides."""
    if not os.environ.get("TMPDIR") and _has_room():
        os.environ["TMPDIR"] = _MEMORY
        tempfile.tempdir = None


def _has_room() -> bool:
    try:
        place = os.statvfs(_MEMORY)
        with open("/proc/meminfo", encoding="ascii") as file:
            available = next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return False
    writable = os.access(_MEMORY, os.W_OK | os.X_OK)
    return writable and place.f_bavail * place.f_frsize >= _ENOUGH and available >= 2 * _ENOUGH
