# SPDX-License-Identifier: GPL-3.0-or-later
"""How a worker has the supervisor start a program: by a file, which outlives both, and a signal that wakes.

The supervisor imports this, and little else.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

_JOBS: Final = "jobs-wanted"


class Wish:
    """For one program."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self, supervisor: int | None) -> None:
        """Wish for it. The supervisor whose process is given, if there is one, sees that at once."""
        self._path.touch(mode=0o600)
        if supervisor is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGUSR1)

    def stands(self) -> bool:
        return self._path.exists()

    def forget(self) -> None:
        """The program was started, or is done. Whoever wants it still says so again."""
        self._path.unlink(missing_ok=True)


def for_jobs(data: Path) -> Wish:
    """That for the process that does many long jobs (`jobs.crowds`)."""
    return Wish(data / _JOBS)
