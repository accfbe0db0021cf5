# SPDX-License-Identifier: GPL-3.0-or-later
"""How the time that something takes grows with the length of what it is given.

What is linear takes twice as long for twice as much, what is quadratic four times. The time is that of the processor,
the shortest of several short runs; nothing that takes next to none, however long its input, is looked at more closely.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from tests.support.tracing import untraced

_FIRST = 8
_ENOUGH = 0.02
"""Seconds from which on times are compared."""
_LONG = 0.2
"""Seconds that are measured well enough in one run."""
_TOO_MUCH = 3.1
"""Times as long for twice as much."""
_NEVER_ENDS = 20
"""Seconds of the processor for one input, at lengths a quarter of which took next to nothing."""


class NeverEnds(AssertionError):
    """It was interrupted."""


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise NeverEnds


def _spent(work: Callable[[Any], object], given: Any, *, times: int, patience: float) -> float:
    found = []
    before = signal.signal(signal.SIGVTALRM, _interrupt)
    try:
        for _ in range(times):
            signal.setitimer(signal.ITIMER_VIRTUAL, patience)
            began = time.thread_time()
            work(given)
            found.append(time.thread_time() - began)
            if sum(found) > _LONG:
                break
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return min(found)


def growth(
    work: Callable[[Any], object], make: Callable[[int], Any], *, most: int, patience: float = _NEVER_ENDS
) -> float:
    """Times as long `work` takes for twice as much; 0 when it takes no time worth mentioning.

    `make` makes an input of about a length, up to `most`.
    """
    work(make(_FIRST))  # what runs is measured once; with that, time would be that of the tracer
    with untraced():
        return _growth(work, make, most, patience)


def _growth(work: Callable[[Any], object], make: Callable[[int], Any], most: int, patience: float) -> float:
    size = _FIRST
    while (spent := _spent(work, make(size), times=1, patience=patience)) < _ENOUGH:
        if size == most:
            return 0
        # What may be cubic grows in small steps: its first time that is worth comparing is then a short one.
        size = min((2 if spent > _ENOUGH / 64 else 4) * size, most)
    seen = []
    for _ in range(4):  # other programs may have disturbed it: once is enough
        seen.append(
            _spent(work, make(2 * size), times=3, patience=patience)
            / max(_spent(work, make(size), times=3, patience=patience), 1e-6)
        )
        if seen[-1] < _TOO_MUCH:
            break
    return min(seen)


def assert_linear(
    work: Callable[[Any], object], make: Callable[[int], Any], *, most: int, what: object, patience: float = _NEVER_ENDS
) -> None:
    """Twice as much must not take much more than twice as long."""
    try:
        found = growth(work, make, most=most, patience=patience)
    except NeverEnds:
        raise AssertionError(f"{what} does not end") from None
    assert found < _TOO_MUCH, f"{what} takes {found:.1f} times as long for twice as much"
