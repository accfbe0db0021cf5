# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of files as Mercurial stores them, read in pieces: nobody holds a large one.

A version is stored whole, or as what is different from another one, which may be stored so as well. Mercurial's library
reads all of these into memory and then makes the text. Here each of them is inflated while it is read, and the text of
the first one passes through all others.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mercurial import error, filelog, zstd
from mercurial.node import nullrev
from mercurial.revlogutils import constants
from mercurial.utils import storageutil

from trivium.vcs.errors import UnknownRevision, VcsError

MARK: Final = b"\x01\n"
"""What stands before and after the origin of a copy, which is no part of the file."""
_MOST_MARKED: Final = 64 << 10
_PIECE: Final = 128 << 10
_HELD: Final = 4 << 20
"""Bytes of a file that the library is left to hold, for it is quicker."""
_HUNK: Final = struct.Struct(">lll")
"""What a part of a difference begins with: the place that it replaces, from and up to, and how many bytes come."""
_SMALL: Final = 32 << 10
"""Bytes of a difference that is held."""
_MOST_OPEN: Final = 16
"""Differences that are longer and inflated at once: each takes up to two mebibytes for that."""
_MOST_PASSED: Final = 100
"""Differences that a text passes through at once; then it rests in a file, for calls of Python nest no deeper."""


def content(log: Any, file_id: bytes) -> Iterator[bytes]:
    """One version of a file, without the origin of a copy, in pieces; nothing of one that was censored.

    Raises `UnknownRevision`; and `VcsError` instead of the last piece, when it is not what was once stored.
    """
    try:
        revision = log.rev(file_id)
    except error.LookupError as unknown:
        raise UnknownRevision(file_id.hex()) from unknown
    if log.iscensored(revision):
        return iter(())
    revlog = log.get_revlog()
    if revlog.rawsize(revision) <= _HELD or not _is_plain(revlog, revision):
        return iter([bytes(log.read(file_id))])
    return _gathered(_unmarked(_checked(revlog, revision)))


def beginning(log: Any, revision: int, most: int) -> bytes:
    """The first bytes of what is stored, at least `most` if there are so many."""
    revlog = log.get_revlog()
    if not _is_plain(revlog, revision):
        return bytes(revlog.rawdata(revision)[:most])
    found = b""
    for piece in _stored(revlog, revision):
        found += piece
        if len(found) >= most:
            break
    return found


def look_at_beginnings() -> None:
    """From now on Mercurial looks for the origin of a copy where it stands, and reads no large file for it."""
    plain = filelog.filelog.renamed

    def renamed(self: Any, name: bytes) -> Any:
        revision = self.rev(name)
        if self.get_revlog().rawsize(revision) > _HELD:
            begins = beginning(self, revision, _MOST_MARKED)
            if not begins.startswith(MARK) or self.parentrevs(revision)[0] != nullrev:
                return None
            end = begins.find(MARK, len(MARK))
            if end >= 0:
                told, _ = storageutil.parsemeta(begins[: end + len(MARK)])
                both = (told.get(b"copy"), told.get(b"copyrev"))
                return (both[0], bytes.fromhex(both[1].decode("ascii"))) if both[0] and both[1] else None
        return plain(self, name)

    filelog.filelog.renamed = renamed


def _is_plain(revlog: Any, revision: int) -> bool:
    """Whether it is of the sort that is made here: any other is left to the library, and to the limit of memory."""
    strange = revlog.flags(revision) & ~constants.REVIDX_NEUTRAL_FLAGS
    return not strange and revlog._format_version == constants.REVLOGV1  # noqa: SLF001


def _stored(revlog: Any, revision: int) -> Iterator[bytes | memoryview]:
    """The text of a revision as it is stored, unchecked."""
    chain, _ = revlog._deltachain(revision)  # noqa: SLF001
    inner = revlog._inner  # noqa: SLF001
    with revlog.opener(inner.index_file if inner.inline else inner.data_file) as file:
        left = deque(_Chunk(revlog, file.fileno(), one) for one in chain)
        text: Iterable[bytes | memoryview] = _inflated(left.popleft())
        while left:
            passed = large = 0
            while left and passed < _MOST_PASSED and large < _MOST_OPEN:
                delta = _Pieces(_inflated(left.popleft()))
                large += not delta.is_held(_SMALL)
                passed += 1
                text = _patched(text, delta)
            if left:
                text = _rested(text)
        yield from text


class _Chunk:
    """What stands of one revision in the file."""

    def __init__(self, revlog: Any, descriptor: int, revision: int) -> None:
        self._descriptor = descriptor
        self._at = revlog.start(revision)
        if revlog._inner.inline:  # noqa: SLF001
            self._at += (revision + 1) * revlog.index.entry_size
        self._end = self._at + revlog.length(revision)

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end."""
        found = os.pread(self._descriptor, min(size, self._end - self._at), self._at)
        self._at += len(found)
        return found

    def kind(self) -> bytes:
        """The first byte, which stays."""
        return os.pread(self._descriptor, min(1, self._end - self._at), self._at)


def _inflated(chunk: _Chunk) -> Iterator[bytes]:
    """A chunk as it was before it was compressed, by what its first byte says of that."""
    kind = chunk.kind()
    if kind == b"x":
        inflater = zlib.decompressobj()
        while piece := chunk.read(_PIECE):
            while piece:
                yield inflater.decompress(piece, _PIECE)
                piece = inflater.unconsumed_tail
        yield inflater.flush()
    elif kind == b"\x28":
        reader = zstd.ZstdDecompressor().stream_reader(chunk)
        while piece := reader.read(_PIECE):
            yield piece
    elif kind in (b"u", b"\0", b""):
        chunk.read(kind == b"u")
        while piece := chunk.read(_PIECE):
            yield piece
    else:
        raise VcsError("a file is stored in a way that is not known here")


class _Pieces:
    """Bytes that come in some pieces and are taken in others."""

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def is_held(self, most: int) -> bool:
        """Whether these are at most so many bytes; then they are held, and nothing behind them any more."""
        found = b""
        for piece in self._pieces:
            found += piece
            if len(found) > most:
                break
        self._rest = memoryview(found)
        return len(found) <= most

    def has_more(self) -> bool:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._rest = memoryview(piece)
        return True

    def take(self, count: int) -> Iterator[memoryview]:
        """The next `count` bytes, all of them."""
        while count:
            if not self.has_more():
                raise VcsError("a file is stored as a difference that does not fit")
            piece = self._rest[:count]
            self._rest = self._rest[len(piece) :]
            count -= len(piece)
            yield piece

    def skip(self, count: int) -> None:
        for _ in self.take(count):
            pass

    def left(self) -> Iterator[memoryview]:
        """Whatever comes."""
        while self.has_more():
            yield self._rest
            self._rest = memoryview(b"")


def _patched(text: Iterable[bytes | memoryview], delta: _Pieces) -> Iterator[memoryview]:
    """A text with a difference, whose parts stand in the order of their places."""
    old = _Pieces(text)
    at = 0
    while delta.has_more():
        start, end, count = _HUNK.unpack(b"".join(delta.take(_HUNK.size)))
        if not at <= start <= end or count < 0:
            raise VcsError("a file is stored as a difference that makes no sense")
        yield from old.take(start - at)
        old.skip(end - start)
        yield from delta.take(count)
        at = end
    yield from old.left()


def _rested(text: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """The same text, from a file without a name: it is written now, so that nothing behind it is needed any more."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed with who reads it)
    for piece in text:
        file.write(piece)
    file.seek(0)
    return iter(lambda: file.read(_PIECE), b"")


def _checked(revlog: Any, revision: int) -> Iterator[bytes | memoryview]:
    """What is stored; its last piece only when the whole has the digest that names it."""
    name = revlog.node(revision)
    digest = hashlib.sha1(b"".join(sorted(revlog.parents(name))), usedforsecurity=False)
    last: bytes | memoryview = b""
    for piece in _stored(revlog, revision):
        digest.update(piece)
        if last:
            yield last
        last = piece
    if digest.digest() != name:
        raise VcsError("a file is not what was once stored")
    yield last


def _unmarked(text: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """A text without the origin of a copy at its beginning."""
    head = b""
    for piece in text:
        head += piece
        if len(head) < len(MARK):
            continue
        if head.startswith(MARK):
            end = head.find(MARK, len(MARK))
            if end < 0 and len(head) <= _MOST_MARKED:
                continue
            if end < 0:
                break
            head = head[end + len(MARK) :]
        yield head
        yield from text
        return
    if head.startswith(MARK):
        raise VcsError("the origin of a copy has no end")
    yield head


def _gathered(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    """The same bytes in pieces that are not too small."""
    found: list[bytes | memoryview] = []
    size = 0
    for piece in pieces:
        found.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(found)
            found, size = [], 0
    if size:
        yield b"".join(found)
