# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches what takes long while it runs: a server that never stops sending must not fill the disk, for example."""

from __future__ import annotations

import contextlib
import os
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
