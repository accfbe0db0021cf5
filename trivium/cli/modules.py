# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of ours that run in processes of their own, which the supervisor starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from typing import Any


def start(module: str, order: dict[str, Any], *, passing: Collection[int]) -> subprocess.Popen[bytes]:
    """Start a module in an interpreter of its own; it is told `order` in JSON and gets these descriptors alone."""
    return subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(order)],
        pass_fds=tuple(passing),
        stdin=subprocess.DEVNULL,
        # Ctrl-C must reach only the supervisor, which ends the others in good order.
        start_new_session=True,
    )
