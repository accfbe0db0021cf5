# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences as texts that `git apply` and `svn patch` take (system.md 2.4).

They have Git's form, with names as they are: `svn patch` knows neither quoted names nor copies, and renames nothing
into a directory that is new. So a file that was copied is a new one, as in `git diff -M`, and one that got into a new
directory is deleted and new. Binary files are named only, and of the properties the modes of files are told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from trivium.vcs.budget import present
from trivium.vcs.diff.comparing import TooSlow, compare
from trivium.vcs.diff.differences import hunks_of
from trivium.vcs.pages import DiffOptions, EntryKind, Op
from trivium.vcs.svn.differences import (
    begins_binary,
    has_binary_type,
    is_directory,
    is_large,
    is_same,
    sides_of,
)
from trivium.vcs.svn.filesystem import changeset_of
from trivium.vcs.svn.pairs import Pair, Side, above_of, at_ends, pairs_of
from trivium.vcs.svn.trees import DIRECTORY, MODES, Trees

_NOTHING: Final = b"/dev/null"
_DANGEROUS: Final = re.compile(rb"(?:(?<=[\r\n])|\A)(?=---|\+\+\+|@@|diff |Index:|Property changes on:)")
"""Where a line of a message begins that a reader of patches would take for the beginning of a diff."""
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_QUOTED: Final = re.compile(rb'[\x00-\x1f\x7f"\\]')


def raw_diff(trees: Trees, old: int, new: int, options: DiffOptions) -> Iterator[bytes]:
    """As `Snapshot.raw_diff`."""
    found = [_alone(pair) for pair in pairs_of(trees, old, new, options) if not is_directory(pair)]
    pairs = [one for pair in found for one in _said(trees, at_ends(trees, pair, old, new))]
    if _is_entangled(pairs):
        pairs = sorted((one for pair in pairs for one in _apart(pair)), key=lambda pair: pair.op is not Op.DELETED)
    return (piece for pair in pairs for piece in _file(trees, pair, options))


def patch(trees: Trees, number: int, options: DiffOptions) -> Iterator[bytes]:
    """As `Snapshot.patch`."""
    diff = raw_diff(trees, number - 1, number, options)
    yield _header(trees, number)
    yield from diff


def _header(trees: Trees, number: int) -> bytes:
    properties = trees.filesystem.revision_proplist(number)
    author = b" ".join(properties.get("svn:author", b"").split())
    message = _DANGEROUS.sub(b" ", properties.get("svn:log", b"")).rstrip(b"\r\n")
    return b"# SVN changeset patch\n# User %b\n# Date %b\n# Revision %d\n\n%b\n\n" % (
        author,
        f"{changeset_of(trees.filesystem, number).date}+00:00".encode(),
        number,
        message,
    )


def _alone(pair: Pair) -> Pair:
    """What was copied, without its source."""
    return Pair(Op.ADDED, None, pair.new) if pair.op is Op.COPIED else pair


def _said(trees: Trees, pair: Pair) -> list[Pair]:
    """A pair as a diff can say it.

    A link that became a file, or the other way round, is deleted and added, and so is what was renamed into a directory
    that was not there.
    """
    old, new = pair.old, pair.new
    if old is None or new is None:
        return [pair]
    if (old.kind is EntryKind.SYMLINK) != (new.kind is EntryKind.SYMLINK):
        return [Pair(Op.DELETED, old, None), Pair(Op.ADDED, None, new)]
    above = new.at.path.rpartition("/")[0]
    return [pair] if trees.kind(above, old.at.revision) == DIRECTORY else _apart(pair)


def _apart(pair: Pair) -> list[Pair]:
    """What was renamed, as deleted and new."""
    if pair.op is not Op.RENAMED:
        return [pair]
    return [Pair(Op.DELETED, pair.old, None), Pair(Op.ADDED, None, pair.new)]


def _is_entangled(pairs: list[Pair]) -> bool:
    """Whether something comes where something else has to go first: a file for a directory, or the other way round.

    `git apply` sees that for itself, and `svn patch` goes from line to line.
    """
    moved = [pair for pair in pairs if pair.op is not Op.MODIFIED]
    gone = {pair.old.at.path for pair in moved if pair.old is not None}
    came = {pair.new.at.path for pair in moved if pair.new is not None}
    return any(above in came for path in gone for above in above_of(path)) or any(
        above in gone for path in came for above in above_of(path)
    )


def _file(trees: Trees, pair: Pair, options: DiffOptions) -> Iterator[bytes]:
    """The diff of one file."""
    present().check()
    old, new = _name(b"a/", pair.old), _name(b"b/", pair.new)
    modes, first = _modes(pair), _first(pair)
    if is_same(trees, pair):
        if modes:
            yield _first(pair, alone=pair.op is not Op.RENAMED) + modes
        return
    names = b"--- %b\n+++ %b\n" % tuple(_ended(name) or _NOTHING for name in (old, new))
    if has_binary_type(pair) or begins_binary(trees, pair):
        yield first + modes + b"Binary files %b and %b differ\n" % (old or _NOTHING, new or _NOTHING)
        return
    pieces = _hunks(trees, pair, options)
    hunk = next(pieces, b"")
    if hunk:
        yield first + modes + _index(trees, pair) + names + hunk
        yield from pieces
    elif modes:
        yield _first(pair, alone=pair.op is not Op.RENAMED) + modes


def _first(pair: Pair, *, alone: bool = False) -> bytes:
    """The line that a diff begins with. `alone`: no other line of it names the file, so that Git reads it here."""
    there = [side for side in (pair.old, pair.new) if side is not None]
    return b"diff --git %b %b\n" % (_name(b"a/", there[0], quoted=alone), _name(b"b/", there[-1], quoted=alone))


def _modes(pair: Pair) -> bytes:
    """What is said of a file beside its content."""
    old, new = pair.old, pair.new
    if old is None or new is None:
        there, what = (old, b"deleted") if old else (new, b"new")
        return b"%b file mode %b\n" % (what, MODES[there.kind].encode()) if there else b""
    said = b""
    if old.kind != new.kind:
        said += b"old mode %b\nnew mode %b\n" % (MODES[old.kind].encode(), MODES[new.kind].encode())
    if old.at.path != new.at.path:
        said += b"rename from %b\nrename to %b\n" % (_name(b"", old), _name(b"", new))
    return said


def _index(trees: Trees, pair: Pair) -> bytes:
    """The line by which `svn patch` knows that a link stays one: it says so with the names of Git's objects."""
    sides = sides_of(pair)
    if len(sides) != 2 or any(side.kind is not EntryKind.SYMLINK for side in sides):
        return b""
    return b"index %b..%b %b\n" % (*(_object(trees, side) for side in sides), MODES[EntryKind.SYMLINK].encode())


def _object(trees: Trees, side: Side) -> bytes:
    content = trees.content(side.at, side.kind)
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest().encode()


def _name(prefix: bytes, side: Side | None, *, quoted: bool = False) -> bytes:
    """The name of a file; `svn patch` reads none that is quoted, so it is only where nobody else could read it."""
    if side is None:
        return b""
    name = prefix + side.at.path.encode()
    if not (_QUOTED if quoted else _CONTROL).search(name) and not name.startswith(b'"'):
        return name
    return b'"%b"' % _QUOTED.sub(_escaped, name)


def _escaped(found: re.Match[bytes]) -> bytes:
    return b"\\" + found[0] if found[0] in b'"\\' else b"\\%03o" % ord(found[0])


def _ended(name: bytes) -> bytes:
    """A name with blanks in it, with a tab at the end that says where that is."""
    return name + b"\t" if b" " in name and not name.startswith(b'"') else name


def _hunks(trees: Trees, pair: Pair, options: DiffOptions) -> Iterator[bytes]:
    """The hunks of a text. Where nobody can compare it in time, everything is replaced: that is a diff, too."""
    if pair.old is not None and pair.new is not None and not is_large(trees, pair):
        old, new = (trees.content(side.at, side.kind) for side in (pair.old, pair.new))
        try:
            text = compare(old, new, "x", context=options.context, ignore_space=options.ignore_space).text
        except TooSlow:
            pass
        else:
            yield hunks_of(text)
            return
    counted = [_range(trees, side) for side in (pair.old, pair.new)]
    if counted == [b"0,0", b"0,0"]:
        return
    yield b"@@ -%b +%b @@\n" % tuple(counted)
    for sign, side in ((b"-", pair.old), (b"+", pair.new)):
        if side is not None:
            yield from _lines(trees, side, sign)


def _range(trees: Trees, side: Side | None) -> bytes:
    """How many lines a text has, as a hunk says that."""
    lines, last = 0, b"\n"
    for piece in trees.pieces(side.at, side.kind) if side else ():
        lines += piece.count(b"\n")
        last = piece[-1:]
    lines += last != b"\n"
    return b"1" if lines == 1 else b"%d,%d" % (min(lines, 1), lines)


def _lines(trees: Trees, side: Side, sign: bytes) -> Iterator[bytes]:
    """A whole text with a sign before each line."""
    begins = True
    for piece in trees.pieces(side.at, side.kind):
        signed = (sign if begins else b"") + piece.replace(b"\n", b"\n" + sign)
        begins = piece.endswith(b"\n")
        yield signed[:-1] if begins else signed
    if not begins:
        yield b"\n\\ No newline at end of file\n"
