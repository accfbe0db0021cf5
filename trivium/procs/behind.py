# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that look through much and are in no hurry: they wait while anything else needs a processor."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from trivium.procs.priority import yield_to_others
from trivium.procs.spawn import MEMORY, FirstWords, confine
from trivium.procs.watching import watched_group

LONGEST: Final = 6 * 3600.0
"""Seconds that such work may take."""


def run_behind(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], check: Callable[[], None], memory: int = MEMORY
) -> tuple[int, bytes]:
    """Run a program to its end, behind everything else; returns its status, and the beginning of all that it says.

    It ends with its helpers when `check`, which is called again and again, raises; the same is raised then. Raises
    `OSError`, and `subprocess.TimeoutExpired` when it takes too long.
    """
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    confine(process.pid, memory)
    yield_to_others(process.pid)
    assert process.stdout is not None
    words = FirstWords(process.stdout)

    try:
        with watched_group(process, check):
            process.wait(LONGEST)
    finally:
        said = words.get()
    return process.returncode, said
