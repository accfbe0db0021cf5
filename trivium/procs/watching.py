# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches what takes long while it runs: a server that never stops sending must not fill the disk, for example."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from trivium.errors import TriviumError

_EVERY: Final = 0.5
"""Seconds between two looks."""


@contextmanager
def watched(check: Callable[[], None], end: Callable[[], None]) -> Iterator[None]:
    """Call `check` again and again during the block; when it raises, `end` the work and raise the same."""
    done = threading.Event()
    refused: list[TriviumError] = []

    def watch() -> None:
        while not done.wait(_EVERY):
            try:
                check()
            except TriviumError as error:
                refused.append(error)
                end()
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    except Exception as error:
        if refused:
            raise refused[0] from error
        raise
    finally:
        done.set()
        watching.join()
    if refused:
        raise refused[0]


def wait_for(process: subprocess.Popen[Any], seconds: float) -> None:
    """Wait until a program ends; raises `TimeoutExpired`.

    `Popen.wait` with a limit sleeps and looks, for longer each time: of a copy that takes 10 ms that is another 10.
    """
    descriptor = os.pidfd_open(process.pid)
    try:
        ending = select.poll()
        ending.register(descriptor, select.POLLIN)
        if not ending.poll(seconds * 1000):
            raise subprocess.TimeoutExpired(process.args, seconds)
    finally:
        os.close(descriptor)
    process.wait()


@contextmanager
def watched_group(process: subprocess.Popen[Any], check: Callable[[], None]) -> Iterator[None]:
    """The same for a program that leads a group of its own, which is ended as a whole. After the block it is over."""

    def end() -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    try:
        with watched(check, end):
            yield
    finally:
        end()
        process.wait()
