# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs end with the thread that started them, whatever happens to the process that it belongs to."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Final

SETPRIV: Final = shutil.which("setpriv")
"""The program that ties others; without it they go on until they notice that nobody reads what they write."""


def tied(argv: Sequence[str], *options: str, last: str = "TERM") -> list[str]:
    """The words that start a program which gets the signal `last` when its parent dies; `options` are setpriv's own."""
    return [SETPRIV, *options, "--pdeathsig", last, "--", *argv] if SETPRIV else list(argv)
