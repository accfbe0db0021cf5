# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and their children, from /proc."""

from __future__ import annotations

from pathlib import Path


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
