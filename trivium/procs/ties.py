# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs end with the thread that started them, whatever happens to the process that it belongs to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
from collections.abc import Sequence
from typing import Final

SETPRIV: Final = shutil.which("setpriv")
"""The program that ties others; without it they go on until they notice that nobody reads what they write."""

_PR_SET_PDEATHSIG: Final = 1
"""Of prctl.h."""


def tied(argv: Sequence[str], *options: str, last: str = "TERM") -> list[str]:
    """The words that start a program which gets the signal `last` when its parent dies; `options` are setpriv's own."""
    return [SETPRIV, *options, "--pdeathsig", last, "--", *argv] if SETPRIV else list(argv)


def end_with(parent: int) -> None:
    """For a process that was just forked: the kernel ends it when its parent, whose process is given, is gone."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # gone before
        os._exit(1)
