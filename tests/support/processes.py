# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and their children, from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path


def kill_all(processes: Iterable[int]) -> None:
    """End processes, some of which may end because others did."""
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def tree(root: int) -> list[int]:
    """A process and everything below it."""
    found, waiting = [root], [root]
    while waiting:
        parent = waiting.pop()
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
            below = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += below
        waiting += below
    return found
