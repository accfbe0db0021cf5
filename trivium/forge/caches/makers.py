# SPDX-License-Identifier: GPL-3.0-or-later
"""Each answer that is not kept yet has one maker at a time, in all processes together.

A maker locks one byte in `<data>/cache/<id>/makers`; the answer's key gives its place. Such a lock belongs to an open
file. The kernel releases it when the file is closed, however the process ends, so a killed maker stops nobody. Two keys
with the same place only wait for each other. Clearing the cache removes the file, and an answer may then be made twice.
The same may happen where the disk takes no file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LOCK: Final = struct.Struct("hhqqi")
"""type, from where, first byte, length, process; see fcntl(2)."""
_PLACE_BYTES: Final = 7
"""Bytes of a digest that fit into an offset in a file."""


class BeingMade(Exception):
    """Another caller makes this answer at the moment: wait elsewhere until that `is_over`, then ask again.

    A caller that waits holds no repository, no place and no thread.
    """

    def __init__(self, file: Path, place: int) -> None:
        super().__init__("somebody else is making this answer")
        self._file = file
        self._place = place

    def is_over(self) -> bool:
        """Whether its maker has finished or given up. Costs a few system calls."""
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return True  # cleared away
        try:
            told = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _lock(self._place))
            return bool(_LOCK.unpack_from(told)[0] == fcntl.F_UNLCK)
        except OSError:
            return True
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def only_maker(file: Path, digest: bytes) -> Iterator[None]:
    """Be the only maker of the answer with this digest of its key; raises `BeingMade`."""
    place = int.from_bytes(digest[:_PLACE_BYTES], "little")
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            descriptor = _open(file)
            held.callback(os.close, descriptor)
            try:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _lock(place))
            except (BlockingIOError, PermissionError):  # the two that POSIX allows for a lock that is taken
                raise BeingMade(file, place) from None
        yield


def _lock(place: int) -> bytes:
    return _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)


def _open(file: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(file, flags, 0o600)
    except FileNotFoundError:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(file, flags, 0o600)
