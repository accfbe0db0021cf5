# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what happens by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable


def until(reached: Callable[[], object]) -> None:
    """Wait until something is so; if it never is, that is a failure."""
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def until_counted(count: Callable[[], int], enough: int, goes_on: Callable[[], object] = lambda: True) -> None:
    """Wait until so many have been counted, or it does not go on any more.

    How long that takes in all depends on the machine; it is a failure when nothing is counted any more.
    """
    while (seen := count()) < enough and goes_on():
        until(lambda: count() > seen or not goes_on())


def until_more(count: Callable[[], int], more: int, workers: Iterable[threading.Thread]) -> None:
    """Wait until so many more have been counted, or none of those who do what is counted is left."""
    until_counted(count, count() + more, lambda: any(worker.is_alive() for worker in workers))
