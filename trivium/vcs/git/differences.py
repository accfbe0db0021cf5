# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two commits of a Git repository: libgit2 says which files, and their contents are compared.

A link to another repository is a line that names its commit, as for git.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pygit2
from pygit2.enums import DiffFind, DiffOption, FileMode, ObjectType

from trivium.vcs.budget import present
from trivium.vcs.diff.differences import Differences, Version, difference
from trivium.vcs.errors import UnknownPath
from trivium.vcs.git.listing import kind_of
from trivium.vcs.git.opened import Opened
from trivium.vcs.git.trees import Trees
from trivium.vcs.pages import DiffOptions, EntryKind, FileDifference, Op
from trivium.vcs.paths import path_within

_MOST_RESEMBLING: Final = 32 << 20
"""Bytes of files that are read to find renames among them; beyond that only what is equal is one."""
_MOST_KEPT: Final = 200
"""Files that are remembered of a comparison."""
_OPERATIONS: Final = {"A": Op.ADDED, "D": Op.DELETED, "R": Op.RENAMED, "C": Op.COPIED}


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after."""

    path: bytes
    mode: int
    id: pygit2.Oid


Delta = tuple[Op, Side | None, Side | None]
"""What became of a file; before, after."""


def differences(opened: Opened, old: str | None, new: str, options: DiffOptions) -> Iterator[FileDifference]:
    """As `model.Snapshot.differences`."""
    made = Differences(options)
    for op, before, after in deltas(opened, old, new, options):
        yield made.of(op, _version(opened, before), _version(opened, after))


def differing(opened: Opened, old: str | None, new: str, options: DiffOptions) -> list[FileDifference]:
    """As `model.Snapshot.differing`."""
    return [
        difference(op, _version(opened, before, sized=False), _version(opened, after, sized=False))
        for op, before, after in deltas(opened, old, new, options)
    ]


def deltas(opened: Opened, old: str | None, new: str, options: DiffOptions) -> Sequence[Delta]:
    """What became of which file, ordered by path; raises `Exhausted`."""
    opened.check_visible(old, new)
    try:
        path = path_within(options.path)
    except UnknownPath:
        return []
    key = (old, new, path, options.renames)
    known: Sequence[Delta] | None = opened.index.deltas.get(key)
    if known is not None:
        present().spend(len(known))
        return known
    found = _deltas(opened, old, new, path, options)
    return opened.index.deltas.put(key, found) if len(found) <= _MOST_KEPT else found


def _deltas(opened: Opened, old: str | None, new: str, path: str, options: DiffOptions) -> Sequence[Delta]:
    before, after = opened.lookup(old, path) if old else None, opened.lookup(new, path)
    whole = path.encode("utf-8", "surrogateescape")
    found: list[Delta] = []
    if not _is_tree(before) and not _is_tree(after):
        one, other = _alone(before, whole), _alone(after, whole)
        if (one or other) and one != other:
            found.append((Op.MODIFIED if one and other else Op.DELETED if one else Op.ADDED, one, other))
        return found
    for left, right in ((before, after),) if _alike(before, after) else ((before, None), (None, after)):
        if _is_tree(left) or _is_tree(right):
            found += _between(opened, left, right, whole + b"/" if whole else b"", renames=options.renames)
        elif left is None:
            found.append((Op.ADDED, None, _alone(right, whole)))
        else:
            found.append((Op.DELETED, _alone(left, whole), None))
    present().spend(len(found))
    return sorted(found, key=_by_path)


def _between(opened: Opened, old: Any, new: Any, before: bytes, *, renames: bool) -> Iterator[Delta]:
    """The files that differ between two trees, at all depths; None is the empty tree."""
    budget = present()
    if budget.nodes:
        # The library lists all that differs before anybody can stop it. A file may have two names.
        trees = Trees(opened.repository, budget)
        one, other = (None if tree is None else tree.id.raw for tree in (old, new))
        trees.check_changes(one, other, 2 * budget.nodes)
    flags = DiffOption.INCLUDE_TYPECHANGE
    if old is None:
        diff = new.diff_to_tree(flags=flags, swap=True)
    else:
        diff = old.diff_to_tree(new, flags=flags) if new is not None else old.diff_to_tree(flags=flags)
    if renames:
        find_renames(diff, opened.size)
    for delta in diff.deltas:
        op = _OPERATIONS.get(delta.status_char(), Op.MODIFIED)
        gone = None if op == Op.ADDED else _side(delta.old_file, before)
        come = None if op == Op.DELETED else _side(delta.new_file, before)
        # Old programs wrote modes that mean the same in other digits.
        if op != Op.MODIFIED or not gone or not come or (kind_of(gone.mode), gone.id) != (kind_of(come.mode), come.id):
            yield op, gone, come


def _side(file: Any, before: bytes) -> Side:
    return Side(before + file.raw_path, file.mode, file.id)


def find_renames(diff: pygit2.Diff, size: Callable[[pygit2.Oid], int]) -> None:
    """Let what went and what came be one file, where they resemble each other.

    They are read for that, unless that is too much: then they have to be equal.
    """
    gone, come = [], []
    for delta in diff.deltas:
        operation = delta.status_char()
        if operation == "D":
            gone.append(delta.old_file)
        elif operation == "A":
            come.append(delta.new_file)
    if gone and come:
        total = sum(size(file.id) for file in gone + come if is_file(file.mode))
        exactly = DiffFind.FIND_EXACT_MATCH_ONLY if total > _MOST_RESEMBLING else DiffFind.FIND_BY_CONFIG
        diff.find_similar(DiffFind.FIND_RENAMES | exactly)


def is_file(mode: int) -> bool:
    """Whether there is an object of the repository behind one side of a difference."""
    return bool(mode) and mode != FileMode.COMMIT


def _is_tree(found: Any) -> bool:
    return found is not None and found.type == ObjectType.TREE


def _alike(one: Any, other: Any) -> bool:
    """Whether two of what a path can lead to are compared with each other: not a file with a directory."""
    return one is None or other is None or _is_tree(one) == _is_tree(other)


def _alone(found: Any, path: bytes) -> Side | None:
    return None if found is None else Side(path, found.filemode, found.id)


def _version(opened: Opened, side: Side | None, *, sized: bool = True) -> Version | None:
    if side is None:
        return None
    kind = kind_of(side.mode)
    path = side.path.decode("utf-8", "surrogateescape")
    raw_id = str(side.id)
    if kind == EntryKind.LINK:
        line = b"Subproject commit %b\n" % raw_id.encode("ascii")
        return Version(path, kind, raw_id, len(line), lambda: line)
    return Version(path, kind, raw_id, opened.size(side.id) if sized else 0, partial(opened.read, side.id))


def _by_path(delta: Delta) -> bytes:
    _, old, new = delta
    side = new or old
    return side.path if side else b""
