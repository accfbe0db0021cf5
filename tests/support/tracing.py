# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracer that measures coverage. It doubles what Python costs, so only what it is for runs with it.

That is what tests and their fixtures do, not what pytest does between them, nor hypothesis between examples, and not
what only repeats itself.

Which lines run does not depend on the machine: it is counted, never timed.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

EXAMPLES = 20
"""Of a property: what further ones run is nearly always the same."""

P = ParamSpec("P")
R = TypeVar("R")


_put_aside: list[Any] = []
"""The tracer of this process, while tests run."""


def never() -> None:
    """Measure nothing in this process, nor in the threads that it will start."""
    if _measures(sys.gettrace()):
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


def put_aside() -> None:
    """From now on nothing is measured in this thread but what is `traced`."""
    tracer = sys.gettrace()
    if _measures(tracer):
        _put_aside.append(tracer)
        sys.settrace(None)


def take_up() -> None:
    """Measure everything again, as before `put_aside`."""
    if _put_aside:
        sys.settrace(_put_aside.pop())


def _measures(tracer: object) -> bool:
    """Whether it is that of coverage: a debugger's is left alone."""
    places = (type(tracer).__module__, getattr(tracer, "__module__", None))  # of an object, or of a method of one
    return any(str(place).partition(".")[0] == "coverage" for place in places)


@contextmanager
def traced() -> Iterator[None]:
    """Inside it is measured what runs, if anything is."""
    with tracing_ends():
        if _put_aside:
            sys.settrace(_put_aside[-1])
        yield


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
    """The same function, for where nothing is measured; its first calls are."""
    calls = 0

    @functools.wraps(work)
    def counted(*args: P.args, **given: P.kwargs) -> R:
        nonlocal calls
        calls += 1
        if calls > EXAMPLES:
            return work(*args, **given)
        with traced():
            return work(*args, **given)

    return counted
