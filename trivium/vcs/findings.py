# SPDX-License-Identifier: GPL-3.0-or-later
"""What the systems' own checks say of a repository, as lines."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from trivium.procs.behind import run_behind
from trivium.procs.spawn import MEMORY
from trivium.vcs.errors import VcsError

MOST: Final = 100
_LONGEST: Final = 300
"""Characters of a line."""


def found_by(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], check: Callable[[], None], memory: int = MEMORY
) -> list[str]:
    """What a program complains of that looks through the repository `cwd`: nothing when it ends well.

    Raises `VcsError` when it could not look, and what `check` raises.
    """
    try:
        status, said = run_behind(argv, cwd=cwd, environment=environment, check=check, memory=memory)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VcsError(f"the repository could not be checked: {error}") from error
    if not status:
        return []
    lines = findings(said)
    if status < 0 or not lines or b"out of memory" in said.lower():
        raise VcsError(f"the repository could not be checked: the program ended with {status}")
    return lines


def findings(said: bytes) -> list[str]:
    """The first lines of a complaint, each of bounded length and without characters that act on a terminal."""
    lines = []
    for line in said.decode("utf-8", "replace").splitlines():
        words = " ".join("".join(one if one.isprintable() else " " for one in line[:_LONGEST]).split())
        if words:
            lines.append(words)
    return lines[:MOST]
