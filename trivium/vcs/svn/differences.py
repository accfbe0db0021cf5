# SPDX-License-Identifier: GPL-3.0-or-later
"""How files differ between two revisions: operations, hunks and properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from trivium.vcs.budget import present
from trivium.vcs.diff.comparing import Compared, TooSlow, compare
from trivium.vcs.pages import DiffOptions, EntryKind, FileDifference, PropertyChange
from trivium.vcs.svn.pairs import Pair, Side, pairs_of
from trivium.vcs.svn.trees import MOST_OF_A_VALUE, Trees
from trivium.vcs.values import LARGEST_COMPARED

_TEXTS: Final = ("text/", "image/x-xbitmap", "image/x-xpixmap")
"""What Subversion takes for text among the types that a file may have."""


def differing(trees: Trees, old: int, new: int, options: DiffOptions) -> list[FileDifference]:
    """As `Snapshot.differing`; binary is what says so by its type, for no content is looked at."""
    return [_told(pair) for pair in pairs_of(trees, old, new, options)]


def differences(trees: Trees, old: int, new: int, options: DiffOptions) -> Iterator[FileDifference]:
    """As `Snapshot.differences`."""
    return _compared(trees, pairs_of(trees, old, new, options), options)


def _compared(trees: Trees, pairs: list[Pair], options: DiffOptions) -> Iterator[FileDifference]:
    left = options.total
    for pair in pairs:
        present().check()
        found = _difference(trees, pair, options)
        if len(found.hunks) > min(options.per_file, left):
            found = replace(found, hunks=b"", cut=True)
        left -= len(found.hunks)
        yield found


def _difference(trees: Trees, pair: Pair, options: DiffOptions) -> FileDifference:
    told = _told(pair)
    if is_directory(pair):
        return told
    if is_same(trees, pair):
        return replace(told, added=0, deleted=0)
    if told.binary:
        return told
    if is_large(trees, pair):
        binary = begins_binary(trees, pair)
        return replace(told, binary=binary, cut=not binary)
    try:
        compared = compared_with(trees, pair, options)
    except TooSlow:
        return replace(told, cut=True)
    if compared.binary:
        return replace(told, binary=True)
    return replace(told, added=compared.added, deleted=compared.deleted, hunks=hunks_of(compared))


def _told(pair: Pair) -> FileDifference:
    """What is known without a look at the contents."""
    old, new = pair.old, pair.new
    return FileDifference(
        op=pair.op,
        old_path=old.at.path if old else None,
        new_path=new.at.path if new else None,
        old_kind=old.kind if old else None,
        new_kind=new.kind if new else None,
        old_id=old.at.id if old else "",
        new_id=new.at.id if new else "",
        binary=has_binary_type(pair),
        properties=_changed(old.properties if old else {}, new.properties) if new else (),
    )


def _changed(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> tuple[PropertyChange, ...]:
    """The properties that differ. Of what was deleted none are told: they went with it."""
    return tuple(
        PropertyChange(name, _cut(old.get(name)), _cut(new.get(name)))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _cut(value: bytes | None) -> bytes | None:
    return None if value is None else value[:MOST_OF_A_VALUE]


def sides_of(pair: Pair) -> list[Side]:
    """The sides that there are."""
    return [side for side in (pair.old, pair.new) if side is not None]


def is_directory(pair: Pair) -> bool:
    """Whether the pair is no file: only its properties can differ."""
    return any(side.kind is EntryKind.DIRECTORY for side in sides_of(pair))


def is_same(trees: Trees, pair: Pair) -> bool:
    """Whether the content is surely the same on both sides."""
    if pair.old is None or pair.new is None:
        return False
    alike = (pair.old.kind is EntryKind.SYMLINK) == (pair.new.kind is EntryKind.SYMLINK)
    return alike and trees.same_content(pair.old.at, pair.new.at)


def has_binary_type(pair: Pair) -> bool:
    """Whether one side says that it is binary."""
    for side in sides_of(pair):
        kind = side.properties.get("svn:mime-type", b"text/plain").decode("utf-8", "replace")
        if side.kind is not EntryKind.SYMLINK and not kind.startswith(_TEXTS):
            return True
    return False


def begins_binary(trees: Trees, pair: Pair) -> bool:
    """Whether one side is binary by the look of it."""
    return any(trees.begins_binary(side.at) for side in sides_of(pair))


def is_large(trees: Trees, pair: Pair) -> bool:
    """Whether one side is too large to be compared, and not read for it."""
    return any(trees.length(side.at) > LARGEST_COMPARED for side in sides_of(pair))


def compared_with(trees: Trees, pair: Pair, options: DiffOptions) -> Compared:
    """Compare the contents of both sides; raises `TooSlow`."""
    old, new = (side and trees.content(side.at, side.kind) for side in (pair.old, pair.new))
    return compare(old, new, "x", context=options.context, ignore_space=options.ignore_space)


def hunks_of(compared: Compared) -> bytes:
    """The diff from its first hunk on; nothing where only names and modes differ."""
    return compared.text[compared.text.find(b"\n@@ ") + 1 :] if compared.hunks else b""
