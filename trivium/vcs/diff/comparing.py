# SPDX-License-Identifier: GPL-3.0-or-later
"""Two contents are compared, line by line: at once when they are small, in a process of its own when they are not.

The library needs ten seconds for a mebibyte of short lines that were shuffled, and keeps the interpreter meanwhile. So
a comparison that could take long has its own process: it can be ended, and stops nobody else.

    python -m trivium.vcs.diff.comparing   reads a `_Task` from its input and writes a `Compared`, both in MessagePack
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import pygit2
from pygit2.enums import DiffOption

from trivium.procs.spawn import run
from trivium.vcs.budget import present
from trivium.vcs.errors import VcsError

AT_ONCE: Final = 256 << 10
"""Bytes of both contents that are compared on the spot: in a third of a second at worst."""
_MEMORY: Final = 1 << 30
_HERE: Final = Path(__file__).parents[3]


class Hunk(msgspec.Struct, frozen=True, array_like=True):
    """A replaced part: in both contents the first line, from 1 (if empty, the line before it), and the line count."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int


class Compared(msgspec.Struct, frozen=True):
    """The differences of two contents."""

    text: bytes
    """A unified diff in Git's form."""
    added: int
    deleted: int
    binary: bool
    hunks: list[Hunk]


class _Task(msgspec.Struct, frozen=True):
    old: bytes | None
    new: bytes | None
    path: str
    context: int
    force_text: bool
    ignore_space: bool


class TooSlow(VcsError):
    """There is not enough time to compare the two."""


def compare(
    old: bytes | None,
    new: bytes | None,
    path: str,
    *,
    context: int = 3,
    force_text: bool = False,
    ignore_space: bool = False,
) -> Compared:
    """Compare the content of a file before and after a change; None where there is no file.

    With `ignore_space` lines that differ in white space alone are equal, as for `git diff -w`. Raises `TooSlow` when
    the budget of the answer has no more time for it.
    """
    task = _Task(old, new, path, context, force_text, ignore_space)
    with present().compare() as seconds:
        if seconds <= 0:
            raise TooSlow(path)
        if not old or not new or len(old) + len(new) <= AT_ONCE:
            return _compared(task)
        try:
            done = run(
                [sys.executable, "-m", __name__],
                cwd=_HERE,
                environment={},
                stdin=msgspec.msgpack.encode(task),
                timeout=min(seconds, 3600),
                memory=_MEMORY,
            )
        except subprocess.TimeoutExpired as error:
            present().cut = True
            raise TooSlow(path) from error
        if done.returncode:
            raise TooSlow(f"{path}: {done.stderr[-200:]!r}")
        return msgspec.msgpack.decode(done.stdout, type=Compared)


def _compared(task: _Task) -> Compared:
    flag = DiffOption.FORCE_TEXT if task.force_text else DiffOption.NORMAL
    if task.ignore_space:
        flag |= DiffOption.IGNORE_WHITESPACE
    # The library keeps pointing into both contents: they live as long as the patch does.
    patch: Any = pygit2.Patch.create_from(
        task.old, task.new, old_as_path=task.path, new_as_path=task.path, flag=flag, context_lines=task.context
    )
    binary = bool(patch.delta.is_binary)
    _, added, deleted = (0, 0, 0) if binary else patch.line_stats
    hunks = [Hunk(one.old_start, one.old_lines, one.new_start, one.new_lines) for one in patch.hunks]
    return Compared(patch.data or b"", added, deleted, binary, hunks)


if __name__ == "__main__":
    sys.stdout.buffer.write(
        msgspec.msgpack.encode(_compared(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Task)))
    )
