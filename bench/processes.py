# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes cost: CPU seconds and memory of a whole tree, from /proc."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.processes import about, tree

_TICKS = os.sysconf("SC_CLK_TCK")
_SCHEDULED = 2
"""The clock of a process that counts what the scheduler gave it: nanoseconds, where /proc tells hundredths."""
_SETTLED = 0.05
"""Seconds."""


def cpu_seconds(root: int) -> float:
    """User and system time of a tree, with children that ended and were waited for."""
    total = 0.0
    for pid in tree(root):
        with contextlib.suppress(OSError):  # it has ended
            total += time.clock_gettime(~pid << 3 | _SCHEDULED)
        fields = about(pid, "stat").rpartition(")")[2].split()
        total += sum(int(field) for field in fields[13:15]) / _TICKS
    return total


class Meter:
    """What one kind of action costs two servers that take turns: seconds of each, and CPU seconds of all together."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.cpu = 0.0

    def measure(self, root: int, act: Callable[[], object], *, counts: bool = True) -> None:
        """Do something whose cost is that of the tree below `root`; it `counts` unless it only warms up."""
        before, began = cpu_seconds(root), time.perf_counter()
        act()
        seconds = time.perf_counter() - began
        if counts:
            time.sleep(_SETTLED)  # what ends after the answer is part of it
            self.times.append(seconds)
            self.cpu += cpu_seconds(root) - before

    @property
    def cpu_ms(self) -> float:
        """Of one action."""
        return self.cpu * 1000 / len(self.times)


def memory_mb(root: int) -> tuple[float, float]:
    """Resident and proportional memory of a tree in MB."""
    resident = proportional = 0
    for pid in tree(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        values = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
        resident += values["Rss:"]
        proportional += values["Pss:"]
    return resident / 1024, proportional / 1024
