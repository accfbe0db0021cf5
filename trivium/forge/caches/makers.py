# SPDX-License-Identifier: GPL-3.0-or-later
"""Who makes an answer that is not kept yet: one at a time for each answer, of all processes.

Makers hold the lock of one byte in `<data>/cache/<id>/makers`, at the place that the answer's key says. The kernel
keeps such locks apart by open files, and lets go of one when its file is closed, however the process ends: a maker that
is killed stops nobody. Two keys that meet at one place only wait for each other. Whoever clears the cache takes the
file away, and an answer may then be made twice. So may one where the disk takes no file.
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
"""Of a digest: as large as an offset in a file may be."""


class BeingMade(Exception):
    """Somebody makes this answer at the moment: whoever wants it asks again when that `is_over`, and waits elsewhere.

    While they wait they hold no repository, no place and no thread.
    """

    def __init__(self, file: Path, place: int) -> None:
        super().__init__("somebody else is making this answer")
        self._file = file
        self._place = place

    def is_over(self) -> bool:
        """Whether nobody makes it any more, be it finished or given up. Costs a few system calls."""
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
    """Be the only one who makes the answer with this digest of its key; raises `BeingMade`."""
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
