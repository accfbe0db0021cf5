# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences of files that are too large to be compared: all of them is replaced, which is a difference, too.

They have the form that Mercurial gives to others, and are told in pieces: nobody holds the file.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b85encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trivium.vcs.hg.server import stored
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.reading import stored_size
from trivium.vcs.hg.values import Difference
from trivium.vcs.values import LARGEST_COMPARED

_NOTHING: Final = b"/dev/null"
_NO_OBJECT: Final = b"0" * 40
_MODES: Final = {b"x": b"100755", b"l": b"120000"}
_PLAIN: Final = b"100644"
_LINE: Final = 52
"""Bytes that one line of a binary difference holds."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A file before or after, as one look at it tells."""

    size: int
    lines: int
    binary: bool
    object: bytes
    """What Git would call it."""


def large_ones(shown: Repository, changes: Mapping[bytes, Any]) -> set[bytes]:
    """Which of these paths were or are files that are too large; `changes` as two manifests tell them."""
    return {
        path
        for path, sides in changes.items()
        if any(file_id and stored_size(shown.file(path), file_id) > LARGEST_COMPARED for file_id, _ in sides)
    }


def replaced(shown: Repository, change: Difference) -> Iterator[bytes]:
    """The difference of one file."""
    old = _looked_at(shown, change.old_path, change.old_id)
    new = _looked_at(shown, change.new_path, change.new_id)
    # Whatever there is no name for is called as what is on the other side.
    names = (change.old_path or change.new_path, change.new_path or change.old_path)
    yield b"diff --git a/%b b/%b\n%b" % (*names, _said(change))
    if old is not None and new is not None and old.object == new.object:
        return
    if any(side is not None and side.binary for side in (old, new)):
        yield b"index %b..%b\nGIT binary patch\nliteral %d\n" % (_object(old), _object(new), new.size if new else 0)
        yield from _packed(_pieces(shown, change.new_path, change.new_id))
        return
    yield b"--- %b\n+++ %b\n" % (
        _named(b"a/", change.old_path) if old else _NOTHING,
        _named(b"b/", change.new_path) if new else _NOTHING,
    )
    yield b"@@ -%b +%b @@\n" % (_range(old), _range(new))
    for sign, side, path, file_id in (
        (b"-", old, change.old_path, change.old_id),
        (b"+", new, change.new_path, change.new_id),
    ):
        if side is not None:
            yield from _signed(_pieces(shown, path, file_id), sign)


def _said(change: Difference) -> bytes:
    """What is said of a file beside its content."""
    if not change.old_id or not change.new_id:
        there, what = (change.old_flags, b"deleted") if change.old_id else (change.new_flags, b"new")
        return b"%b file mode %b\n" % (what, _mode(there))
    said = b""
    if change.old_flags != change.new_flags:
        said += b"old mode %b\nnew mode %b\n" % (_mode(change.old_flags), _mode(change.new_flags))
    if change.op in ("R", "C"):
        what = b"rename" if change.op == "R" else b"copy"
        said += b"%b from %b\n%b to %b\n" % (what, change.old_path, what, change.new_path)
    return said


def _mode(flags: bytes) -> bytes:
    return _MODES.get(flags, _PLAIN)


def _named(prefix: bytes, path: bytes) -> bytes:
    """A name; one with blanks in it has a tab at the end that says where that is."""
    return prefix + path + (b"\t" if b" " in path else b"")


def _pieces(shown: Repository, path: bytes, file_id: bytes) -> Iterator[bytes]:
    return stored.content(shown.file(path), file_id) if file_id else iter(())


def _looked_at(shown: Repository, path: bytes, file_id: bytes) -> _Side | None:
    if not file_id:
        return None
    size = lines = 0
    binary, last = False, b"\n"
    for piece in _pieces(shown, path, file_id):
        size += len(piece)
        lines += piece.count(b"\n")
        binary = binary or b"\0" in piece
        last = piece[-1:] or last
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for piece in _pieces(shown, path, file_id):
        digest.update(piece)
    return _Side(size, lines + (last != b"\n"), binary, digest.hexdigest().encode())


def _object(side: _Side | None) -> bytes:
    return _NO_OBJECT if side is None else side.object


def _range(side: _Side | None) -> bytes:
    """Which lines a hunk is about."""
    lines = side.lines if side is not None else 0
    return b"1" if lines == 1 else b"%d,%d" % (min(lines, 1), lines)


def _signed(pieces: Iterator[bytes], sign: bytes) -> Iterator[bytes]:
    """A whole text with a sign before each line."""
    begins = True
    for piece in pieces:
        signed = (sign if begins else b"") + piece.replace(b"\n", b"\n" + sign)
        begins = piece.endswith(b"\n")
        yield signed[: -len(sign)] if begins else signed
    if not begins:
        yield b"\n\\ No newline at end of file\n"


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A content as `git apply` takes it: compressed, in lines that say how many bytes each has."""
    packer = zlib.compressobj()
    rest = b""
    for piece in pieces:
        rest += packer.compress(piece)
        whole = len(rest) - len(rest) % _LINE
        yield _lines(rest[:whole])
        rest = rest[whole:]
    yield _lines(rest + packer.flush()) + b"\n"


def _lines(data: bytes) -> bytes:
    return b"".join(_line(data[at : at + _LINE]) for at in range(0, len(data), _LINE))


def _line(data: bytes) -> bytes:
    count = len(data)
    return b"%c%b\n" % (count + (64 if count <= 26 else 70), b85encode(data, pad=True))
