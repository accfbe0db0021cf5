# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a file of a commit will be, by the heads of the pieces of its difference (svndiff 0 to 2).

A difference of a few bytes can stand for a file of any size. Each piece (window) tells the length of its result before
the result itself. So the sum is known, and too much is refused, before Subversion makes the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from trivium.http.asgi import TooLarge
from trivium.wire.admission import Refused

_MAGIC: Final = (b"SVN\0", b"SVN\1", b"SVN\2")
_NUMBERS: Final = 5
"""In the head of a window: offset and length of the source, length of the result, of the instructions, of new data."""
_RESULT: Final = 2
_SOME: Final = 100
_SHORTEST: Final = 512
"""Bytes that the result of a window must have on average, after the first ones; clients make them of 100 KB."""
_LONGEST: Final = 10
"""Bytes of a number of 64 bits, seven in each."""


async def weighed(body: AsyncIterator[bytes], limit: int, *, is_delta: bool) -> AsyncIterator[bytes]:
    """The same body; raises `TooLarge` before it has brought a file of more than `limit` bytes."""
    scale = Scale()
    size = 0
    async for chunk in body:
        size = scale.weigh(chunk) if is_delta else size + len(chunk)
        if size > limit:
            raise TooLarge("max_object_bytes")
        yield chunk


class Scale:
    """Adds up the size of a file while its difference passes by."""

    def __init__(self) -> None:
        self._kept = b""
        self._begun = False
        self._skip = 0
        self._size = 0
        self._windows = 0

    def weigh(self, chunk: bytes) -> int:
        """Read the next bytes; returns the known length of the file. Raises `Refused` when this is no difference."""
        at = min(self._skip, len(chunk))
        self._skip -= at
        data = self._kept + chunk[at:]
        at = 0
        if not self._begun:
            if len(data) < len(_MAGIC[0]):
                self._kept = data
                return self._size
            if not data.startswith(_MAGIC):
                raise _no_difference()
            self._begun = True
            at = len(_MAGIC[0])
        while at < len(data):
            head = _head(data, at)
            if head is None:
                break
            numbers, at = head
            self._size += numbers[_RESULT]
            self._windows += 1
            if self._windows > _SOME + self._size // _SHORTEST:
                raise _no_difference()
            self._skip = numbers[3] + numbers[4]
            passed = min(self._skip, len(data) - at)
            at += passed
            self._skip -= passed
        self._kept = data[at:]
        return self._size


def _head(data: bytes, at: int) -> tuple[list[int], int] | None:
    """The numbers of the head that begins at `at`, and where it ends; None when it is not complete."""
    numbers = []
    for _ in range(_NUMBERS):
        value = 0
        for length in range(_LONGEST + 1):
            if length == _LONGEST:
                raise _no_difference()
            if at == len(data):
                return None
            byte = data[at]
            at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                break
        numbers.append(value)
    return numbers, at


def _no_difference() -> Refused:
    return Refused(400, "This is no difference of files (svndiff).")
