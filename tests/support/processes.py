# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and their children, from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.waiting import until


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of a file or directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def kill_all(processes: Iterable[int]) -> None:
    """End processes, some of which may end because others did."""
    _send(processes, signal.SIGKILL)


def hold_all(processes: Iterable[int], *, held: bool = True) -> None:
    """Have processes stand still, or go on."""
    _send(processes, signal.SIGSTOP if held else signal.SIGCONT)


def _send(processes: Iterable[int], number: int) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def hold_tree(root: int) -> set[int]:
    """Have a process and everything below it stand still; returns them."""
    held: set[int] = set()
    while begun := set(tree(root)) - held:  # also what one began while others were being held
        hold_all(begun)
        held |= begun
    return held


def lose_power(root: int) -> None:
    """End a process and everything below it at one moment: nobody goes on with what another one has begun.

    Afterwards they are gone. A process that is killed needs a moment to die, in which it still has its locks, its port
    and its files; no power failure leaves that.
    """
    held = hold_tree(root)
    kill_all(held)
    until(lambda: are_gone(held))


def about(pid: int, what: str) -> str:
    """What /proc tells about a process in one of its files; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def named(word: str, processes: Iterable[int]) -> list[int]:
    """Those of the processes that have a word in the command they were started with."""
    return [pid for pid in processes if word in about(pid, "cmdline")]


def below(parent: int) -> list[int]:
    """The children of a process."""
    try:
        tasks = list(Path(f"/proc/{parent}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(pid) for task in tasks for pid in about(parent, f"task/{task.name}/children").split()]


def tree(root: int) -> list[int]:
    """A process and everything below it."""
    found = [root]
    for pid in found:
        found += below(pid)
    return found


def are_gone(processes: Iterable[int]) -> bool:
    """Whether all of these processes have ended, though nobody may have asked yet how."""
    return all(about(pid, "stat").rpartition(")")[2].split()[:1] in ([], ["Z"]) for pid in processes)
