# SPDX-License-Identifier: GPL-3.0-or-later
"""The budget of one answer: how many nodes it may have, how long it may take, and whether anybody still waits for it.

A few hundred bytes can stand for a million files, or for far more. So code that walks through a repository reports its
progress (`spend`), and is stopped. The budget belongs to the thread that makes the answer (`spending`); without one
there are no limits.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Final

from trivium.vcs.errors import VcsError

_LOOK_EVERY: Final = 256
"""Nodes between two looks at the clock."""
_LONGEST: Final = 10.0**9


class Exhausted(VcsError):
    """The answer would cost more than allowed; the message names the option."""


class Unwanted(VcsError):
    """Nobody waits for the answer any more."""


_WANTED: ContextVar[Callable[[], bool]] = ContextVar("wanted", default=lambda: True)


@contextlib.contextmanager
def waited_for(wanted: Callable[[], bool]) -> Iterator[None]:
    """Surrounds work for a caller: `wanted` says whether they still wait, and every budget set inside asks it."""
    token = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(token)


class Budget:
    """The limits of one answer; 0 means none."""

    def __init__(
        self,
        *,
        nodes: int = 0,
        text: int = 0,
        seconds: float = 0,
        comparing: float = 0,
        wanted: Callable[[], bool] | None = None,
    ) -> None:
        """`wanted` says whether somebody still waits for the answer; the default is that of `waited_for`."""
        self.nodes = nodes
        """Files and directories (max_api_nodes)."""
        self._text = text
        """Bytes of their names with all directories (max_api_answer)."""
        self._end = time.monotonic() + (seconds or _LONGEST)
        self._comparing = comparing or _LONGEST
        self._wanted = wanted or _WANTED.get()
        self._spent = 0
        self._said = 0
        self._looked = 0
        self.cut = False
        """Whether something was left out for lack of time: such an answer is not to be kept."""

    def spend(self, nodes: int = 1, text: int = 0) -> None:
        """Count nodes of the answer, and the bytes of their names; raises `Exhausted` or `Unwanted`."""
        self._spent += nodes
        self._said += text
        if self.nodes and self._spent > self.nodes:
            raise Exhausted("there are too many files and directories for one answer (max_api_nodes)")
        if self._text and self._said > self._text:
            raise Exhausted("the names of files and directories are too long for one answer (max_api_answer)")
        if self._spent - self._looked >= _LOOK_EVERY:
            self.check()

    def check(self) -> None:
        """Raise `Exhausted` when the time is over, and `Unwanted` when nobody waits."""
        self._looked = self._spent
        if time.monotonic() > self._end:
            raise Exhausted("the answer takes too long (request_timeout)")
        if not self._wanted():
            raise Unwanted("nobody waits for the answer")

    @property
    def left(self) -> float:
        """Seconds."""
        return max(0.0, self._end - time.monotonic())

    @contextlib.contextmanager
    def compare(self) -> Iterator[float]:
        """Compare two files, for at most the seconds that this yields; 0: there is no time left (diff_timeout)."""
        self.check()
        began = time.monotonic()
        left = min(self._comparing, self.left)
        if left <= 0:
            self.cut = True
        try:
            yield max(0.0, left)
        finally:
            self._comparing -= time.monotonic() - began


_PRESENT: ContextVar[Budget | None] = ContextVar("budget", default=None)


def present() -> Budget:
    """The budget of the answer that this thread makes."""
    return _PRESENT.get() or Budget()


@contextlib.contextmanager
def spending(make: Callable[[], Budget]) -> Iterator[Budget]:
    """Surrounds work within a budget: the one that is set already, or else a new one."""
    found = _PRESENT.get()
    if found is not None:
        yield found
        return
    made = make()
    token = _PRESENT.set(made)
    try:
        yield made
    finally:
        _PRESENT.reset(token)
