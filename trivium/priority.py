# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes first when there are not processors enough: short answers before the packing of clones."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

_YIELDING: Final = 10


def yield_to_others(pid: int) -> None:
    """Let a process that leads a session, and all that it starts, wait while others need a processor for less.

    Linux shares processors among sessions first and looks at the priority of processes only within each; where it may
    not be told so (only so often, without being root), nothing is lost but that.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _YIELDING)
        Path(f"/proc/{pid}/autogroup").write_text(str(_YIELDING))
