# SPDX-License-Identifier: GPL-3.0-or-later
"""How a worker tells its supervisor that jobs want a process of their own: by a file, and a signal that wakes.

The supervisor imports this, and little else.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

_NAME: Final = "jobs-wanted"


def want(data: Path, supervisor: int) -> None:
    """Have the supervisor, whose process is given, start one, unless it runs."""
    (data / _NAME).touch(mode=0o600)
    with contextlib.suppress(ProcessLookupError):
        os.kill(supervisor, signal.SIGUSR1)


def is_wanted(data: Path) -> bool:
    return (data / _NAME).exists()


def not_wanted(data: Path) -> None:
    """It was started, or is done. Whoever wants it still says so again."""
    (data / _NAME).unlink(missing_ok=True)
