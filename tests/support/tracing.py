# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracer that measures coverage. It doubles what Python costs, so what only repeats itself runs without it.

Which lines run does not depend on the machine: it is counted, never timed.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

EXAMPLES = 20
"""Of a property: what further ones run is nearly always the same."""

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def untraced() -> Iterator[None]:
    """Inside it nothing is measured."""
    with tracing_ends():
        sys.settrace(None)
        yield


@contextmanager
def tracing_ends() -> Iterator[None]:
    """What stopped the tracer inside it did so until its end only."""
    tracer = sys.gettrace()
    try:
        yield
    finally:
        sys.settrace(tracer)


def traced_at_first(work: Callable[P, R]) -> Callable[P, R]:
    """The same function; its first calls are measured, and then nothing more until `tracing_ends`."""
    calls = 0

    @functools.wraps(work)
    def counted(*args: P.args, **given: P.kwargs) -> R:
        nonlocal calls
        calls += 1
        if calls > EXAMPLES:
            sys.settrace(None)
        return work(*args, **given)

    return counted
