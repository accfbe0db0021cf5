# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what happens by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(reached: Callable[[], object]) -> None:
    """Wait until something is so; if it never is, that is a failure."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)
