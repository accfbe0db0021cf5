# SPDX-License-Identifier: GPL-3.0-or-later
"""Which function carries out which kind of job.

    @handles(FORK)
    def fork(site: Site, work: Work, arguments: ForkArguments) -> None: ...

Each can be killed at any moment and begun again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Work
from trivium.forge.site import Site

Function = Callable[[Site, Work, Any], None]
F = TypeVar("F", bound=Function)


@dataclass(frozen=True, slots=True)
class Handler:
    """One kind of job, and what does it."""

    kind: JobKind
    function: Function


_handlers: dict[str, Handler] = {}


def handles(kind: JobKind) -> Callable[[F], F]:
    """Enter a function as that which carries out a kind of job."""

    def enter(function: F) -> F:
        assert kind.name not in _handlers, kind.name
        _handlers[kind.name] = Handler(kind, function)
        return function

    return enter


def handler_of(name: str) -> Handler | None:
    """What carries out the jobs of this kind; None for a kind that only another version knows."""
    return _handlers.get(name)


def long_kinds() -> frozenset[str]:
    """The kinds whose jobs may take minutes."""
    return frozenset(name for name, handler in _handlers.items() if handler.kind.long)


def outside_kinds() -> frozenset[str]:
    """The kinds whose jobs act outside of the database and the repositories."""
    return frozenset(name for name, handler in _handlers.items() if handler.kind.outside)
