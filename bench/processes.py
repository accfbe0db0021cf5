# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes cost: CPU seconds and memory of a whole tree, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.processes import about, tree

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(root: int) -> float:
    """User and system time of a tree, with children that ended and were waited for."""
    total = 0
    for pid in tree(root):
        fields = about(pid, "stat").rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


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
