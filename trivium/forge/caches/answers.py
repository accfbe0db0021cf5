# SPDX-License-Identifier: GPL-3.0-or-later
"""Large answers never stand whole in memory: they are written to a file piece by piece, and sent in the same way.

A worker does not give megabytes back once it has allocated them: the allocator keeps them, in one arena for each
thread. So a small answer is a text, and a larger one is an open file. The file need not have a name: an answer that is
not kept, or was removed meanwhile, lasts until it has been sent.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

SMALL: Final = 64 << 10
"""Bytes up to which an answer is a text in memory."""
_ENCODER: Final = msgspec.json.Encoder()
_LENGTH_BYTES: Final = 8
"""The beginning of a file says how many bytes follow. This reveals files that a crash of the machine cut short."""


class Kept:
    """A whole answer, as JSON, in an open file."""

    def __init__(self, descriptor: int, size: int, *, named: bool = True) -> None:
        self._descriptor = descriptor
        self.size = size
        """In bytes."""
        self.named = named
        """Whether others may find the file; otherwise its room on the disk is free once it is closed."""
        self.when_closed: Callable[[], None] | None = None
        """Called once, when the file is let go of."""

    def piece_at_hand(self, at: int, most: int) -> bytes | None:
        """At most `most` bytes from `at` on, if they are there without waiting; else None."""
        try:
            piece = bytearray(min(most, self.size - at))
            length = os.preadv(self._descriptor, [piece], _LENGTH_BYTES + at, os.RWF_NOWAIT)
        except OSError:  # not in memory, or the file system cannot tell
            return None
        return bytes(memoryview(piece)[:length]) if length else None

    def piece(self, at: int, most: int) -> bytes:
        """At most `most` bytes from `at` on; may wait for the disk. Raises `OSError`."""
        found = os.pread(self._descriptor, min(most, self.size - at), _LENGTH_BYTES + at)
        if not found:
            raise OSError("an answer is shorter than it was")
        return found

    def whole(self) -> bytes:
        """All of it."""
        pieces = []
        at = 0
        while at < self.size:
            pieces.append(self.piece(at, self.size - at))
            at += len(pieces[-1])
        return b"".join(pieces)

    def close(self) -> None:
        """Let go of the file; more than once does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            if self.when_closed is not None:
                self.when_closed()

    def __del__(self) -> None:
        self.close()  # the client had gone


def kept_of(descriptor: int, content: bytes) -> Kept:
    """Write an answer to an open file that has no name. Raises `OSError`, with the file closed."""
    kept = Kept(descriptor, len(content), named=False)
    written = 0
    try:
        while written < len(content):
            written += os.pwrite(descriptor, memoryview(content)[written:], _LENGTH_BYTES + written)
    except OSError:
        kept.close()
        raise
    return kept


def open_kept(path: Path) -> Kept | bytes | None:
    """The answer in a file: the open file, or the text of a small one; None when there is no whole answer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    size = os.fstat(descriptor).st_size - _LENGTH_BYTES
    kept = Kept(descriptor, size)
    try:
        told = os.pread(descriptor, _LENGTH_BYTES, 0)
        if size < 0 or int.from_bytes(told, "little") != size:
            kept.close()
            return None
        if size > SMALL:
            return kept
        content = kept.whole()
    except OSError:
        kept.close()
        return None
    kept.close()
    return content


class Draft:
    """An answer that is being written; in memory while it is small, or where there is no room on the disk."""

    def __init__(self, path: Path, temporary: Path) -> None:
        self._path = path
        self._temporary = temporary
        self._pending = bytearray()
        self._written = 0
        self._descriptor = -1
        self._in_memory = False
        """Whether the disk refused it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget()

    def restart(self) -> None:
        """Throw away what was written."""
        self._forget()
        self._pending.clear()
        self._in_memory = False

    def write(self, data: bytes) -> None:
        """Append some bytes."""
        self._pending += data
        self._bound()

    def _bound(self) -> None:
        if len(self._pending) > SMALL and not self._in_memory:
            self._spill()

    def write_value(self, value: object) -> None:
        """Begin anew with a value; the items of an iterator are made and written one by one."""
        self.restart()
        if not isinstance(value, Iterable) or isinstance(value, (list, dict, str, tuple)):
            self.write(msgspec.json.encode(value))
            return
        mark, pending = b"[", self._pending
        for item in value:
            pending += mark
            _ENCODER.encode_into(item, pending, -1)
            if len(pending) > SMALL:
                self._bound()
                pending = self._pending
            mark = b","
        self.write(b"]" if mark == b"," else b"[]")

    def finish(self, *, keep: bool) -> tuple[Kept | bytes, int]:
        """The answer, and how many bytes of it are kept for others; a failure to keep it is not worth an error."""
        if self._descriptor < 0 and not keep:
            return bytes(self._pending), 0
        if not self._in_memory:
            content = bytes(self._pending) if self._descriptor < 0 else None
            self._spill()
            if not self._in_memory:
                return self._finish_file(content, keep=keep)
        return bytes(self._pending), 0

    def _finish_file(self, content: bytes | None, *, keep: bool) -> tuple[Kept | bytes, int]:
        size = self._written
        kept_bytes = 0
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, size.to_bytes(_LENGTH_BYTES, "little"), 0)
            if keep:
                self._temporary.replace(self._path)
                kept_bytes = size
        if content is not None:
            return content, kept_bytes
        answer = Kept(self._descriptor, size, named=bool(kept_bytes))
        self._descriptor = -1
        if not kept_bytes:
            self._temporary.unlink(missing_ok=True)
        return answer, kept_bytes

    def _spill(self) -> None:
        """Move pending bytes to the file; if that is impossible, move everything back into memory."""
        with contextlib.suppress(OSError):
            if self._descriptor < 0:
                self._descriptor = self._create()
            written = 0
            while written < len(self._pending):
                with memoryview(self._pending) as view, view[written:] as rest:
                    written += os.pwrite(self._descriptor, rest, _LENGTH_BYTES + self._written + written)
            self._written += written
            self._pending.clear()
            return
        self._in_memory = True
        if self._written:
            before = Kept(os.dup(self._descriptor), self._written)
            self._pending = bytearray(before.whole()) + self._pending
            before.close()
        self._forget()

    def _create(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            return os.open(self._temporary, flags, 0o600)
        except FileNotFoundError:
            self._temporary.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._temporary, flags, 0o600)

    def _forget(self) -> None:
        """Let go of the file, unless it has become an answer."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._temporary.unlink(missing_ok=True)
        self._written = 0
