# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs of files that git would have to hold in memory, several times over: told whole, as git tells binary files.

`git apply` and `git am` take them, and nobody holds more than a piece.
"""

from __future__ import annotations

import re
import zlib
from base64 import b85encode
from collections.abc import Iterable, Iterator
from typing import Final

from trivium.vcs.budget import Exhausted, present
from trivium.vcs.git.differences import Side, deltas, is_file
from trivium.vcs.git.listing import pieces_of
from trivium.vcs.git.opened import Opened
from trivium.vcs.git.trees import Trees
from trivium.vcs.pages import DiffOptions

MOST_COMPARED: Final = 32 << 20
"""Bytes of a file that git compares."""
_MOST_LOOKED_AT: Final = 50_000
"""Files and directories that may differ between two trees in which large files are looked for."""
_MOST_FILES: Final = 500
"""So many can be named to git when it starts."""
_LEVEL: Final = 6
_LINE: Final = 52
"""Bytes that stand in a line."""
_NOTHING: Final = "0" * 40
_ODD: Final = re.compile(rb'[^\x20-\x7e]|["\\]')
_LETTERS: Final = {7: b"a", 8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r"}

Pair = tuple[Side | None, Side | None]
"""A file before and after."""


def large_files(opened: Opened, old: str | None, new: str, options: DiffOptions) -> list[Pair]:
    """The files whose contents differ and which are too large to be compared, ordered by path."""
    sides = [opened.commit(raw_id).tree_id.raw if raw_id else None for raw_id in (old, new)]
    try:
        # The library lists all that differs before anybody can stop it.
        Trees(opened.repository, present()).check_changes(sides[0], sides[1], _MOST_LOOKED_AT)
        found = deltas(opened, old, new, DiffOptions(path=options.path, renames=False))
    except Exhausted:
        return []  # a diff is never cut; where so much differs, git has to see how far its memory goes
    large = [
        (before, after)
        for _, before, after in found
        if (before and before.id) != (after and after.id)
        and any(side and is_file(side.mode) and opened.size(side.id) > MOST_COMPARED for side in (before, after))
    ]
    if options.renames:
        # Files that are equal are found by their ids, and nobody reads them.
        came = {after.id for before, after in large if after and not before}
        moved = {before.id for before, after in large if before and not after and before.id in came}
        large = [pair for pair in large if (pair[0] and pair[1]) or not {side.id for side in pair if side} & moved]
    return large[:_MOST_FILES]


def without(pairs: Iterable[Pair]) -> list[bytes]:
    """What keeps git from looking at these files."""
    return [b":(exclude,literal)" + path for path in sorted({side.path for pair in pairs for side in pair if side})]


def diff_of(opened: Opened, pair: Pair) -> Iterator[bytes]:
    """The diff of a file that is told whole; a link that became a file, or the other way round, goes and comes."""
    before, after = pair
    if before and after and before.mode & 0o170000 != after.mode & 0o170000:
        yield from diff_of(opened, (before, None))
        yield from diff_of(opened, (None, after))
        return
    there = before or after
    assert there is not None
    lines = [b"diff --git %b %b" % (_quoted(b"a/" + there.path), _quoted(b"b/" + there.path))]
    mode = b""
    if before is None:
        lines.append(b"new file mode %06o" % there.mode)
    elif after is None:
        lines.append(b"deleted file mode %06o" % there.mode)
    elif before.mode != after.mode:
        lines += [b"old mode %06o" % before.mode, b"new mode %06o" % after.mode]
    else:
        mode = b" %06o" % there.mode
    ids = [str(side.id if side else _NOTHING).encode() for side in pair]
    yield b"\n".join([*lines, b"index %b..%b%b" % (*ids, mode), b"GIT binary patch", b""])
    for side in (after, before):
        yield from _literal(opened, side)


def _literal(opened: Opened, side: Side | None) -> Iterator[bytes]:
    yield b"literal %d\n" % (opened.size(side.id) if side else 0)
    packer, left = zlib.compressobj(_LEVEL), b""
    for piece in pieces_of(opened, side.id) if side else ():
        left += packer.compress(piece)
        whole = len(left) - len(left) % _LINE
        if whole:
            yield _lines(left[:whole])
            left = left[whole:]
    yield _lines(left + packer.flush()) + b"\n"


def _lines(data: bytes) -> bytes:
    """Bytes in lines, each after a letter that says how many are in it."""
    parts = (data[at : at + _LINE] for at in range(0, len(data), _LINE))
    return b"".join(b"%c%b\n" % (_count(len(part)), b85encode(part, pad=True)) for part in parts)


def _count(length: int) -> int:
    return ord("A") + length - 1 if length <= 26 else ord("a") + length - 27


def _quoted(path: bytes) -> bytes:
    """A name as git writes it."""
    return b'"%b"' % _ODD.sub(_escaped, path) if _ODD.search(path) else path


def _escaped(found: re.Match[bytes]) -> bytes:
    byte = found[0][0]
    return b"\\" + (_LETTERS.get(byte) or (found[0] if found[0] in b'"\\' else b"%03o" % byte))
