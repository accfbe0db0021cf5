# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a Subversion repository has come, found by three looks at files: cheap enough for every request.

`db/current` begins with the youngest revision; it is renamed into place when that is complete. All other facts about a
repository as such stand in `db/uuid` and `db/format`, which change only when somebody exchanges them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LONGEST: Final = 64
_YOUNGEST: Final = re.compile(rb"[0-9]{1,10}(?=[ \n])")


class Head(NamedTuple):
    """How far a repository has come, and what it is."""

    youngest: int
    identity: tuple[int, ...]
    """Changes when the repository is replaced, or its format changes."""


def head_of(path: Path) -> Head | None:
    """The head of the repository at `path`; None where it cannot be told at a glance."""
    database = f"{path}/db"
    try:
        identity = tuple(part for name in ("uuid", "format") for part in _mark(os.lstat(f"{database}/{name}")))
        current = os.open(f"{database}/current", _READ)
        try:
            found = _YOUNGEST.match(os.read(current, _LONGEST))
        finally:
            os.close(current)
    except OSError:
        return None
    return Head(int(found[0]), identity) if found else None


def _mark(state: os.stat_result) -> tuple[int, int, int, int]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
