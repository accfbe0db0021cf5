# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of sockets, for both ends: the parent of the Mercurial processes imports nothing large."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def in_directory(path: Path) -> Iterator[str]:
    """A short name for the path of a socket, which must have less than 108 bytes."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
