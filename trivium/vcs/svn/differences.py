# SPDX-License-Identifier: GPL-3.0-or-later
"""How files differ between two revisions: operations, hunks and properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from trivium.vcs.budget import present
from trivium.vcs.diff.differences import Differences, Version
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
    made = Differences(options)
    for pair in pairs:
        present().check()
        if is_directory(pair):
            yield _told(pair)
        elif is_same(trees, pair):
            yield replace(_told(pair), added=0, deleted=0)
        elif has_binary_type(pair):
            yield _told(pair)
        elif is_large(trees, pair) and begins_binary(trees, pair):
            yield replace(_told(pair), binary=True)
        else:
            yield made.of(pair.op, _version(trees, pair.old), _version(trees, pair.new), _properties(pair))


def _version(trees: Trees, side: Side | None) -> Version | None:
    if side is None:
        return None
    size = trees.size(side.at, side.kind)
    return Version(side.at.path, side.kind, side.at.id, size, lambda: trees.content(side.at, side.kind))


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
        properties=_properties(pair),
    )


def _properties(pair: Pair) -> tuple[PropertyChange, ...]:
    """The properties that differ. Of what was deleted none are told: they went with it."""
    return _changed(pair.old.properties if pair.old else {}, pair.new.properties) if pair.new else ()


def _changed(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> tuple[PropertyChange, ...]:
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
