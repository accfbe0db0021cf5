# SPDX-License-Identifier: GPL-3.0-or-later
"""Several clients at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(do: Callable[[int], T], *, times: int = 8) -> list[T]:
    """What `do(0)` … `do(times - 1)` answer when they all start together."""
    start = threading.Barrier(times)

    def one(number: int) -> T:
        start.wait(timeout=30)
        return do(number)

    with ThreadPoolExecutor(times) as crowd:
        return list(crowd.map(one, range(times)))
