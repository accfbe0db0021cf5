# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of a Subversion repository: one level of them, all files below, and what is kept beside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from trivium.vcs.budget import present
from trivium.vcs.errors import UnknownPath
from trivium.vcs.pages import EntryKind, Properties, TreeEntry
from trivium.vcs.svn.externals import externals_of
from trivium.vcs.svn.trees import (
    CREATED,
    DIRECTORY,
    FILE,
    HAS_PROPERTIES,
    KIND,
    MOST_OF_A_VALUE,
    SIZE,
    At,
    Trees,
)

_MOST_ASKED: Final = 1000
"""Files of one directory whose properties are looked at; of the others it is not known that they are programs or
links. A page shows no more of them."""
_WANTED: Final = KIND | SIZE | HAS_PROPERTIES


def entry(trees: Trees, node: At) -> TreeEntry:
    """As `Snapshot.entry`."""
    kind = trees.kind(node.path, node.revision)
    if kind == DIRECTORY:
        return TreeEntry(node.path, EntryKind.DIRECTORY, node.id)
    if kind != FILE:
        raise UnknownPath(node.path)
    is_what = trees.entry_kind(node)
    return TreeEntry(node.path, is_what, node.id, trees.size(node, is_what))


def children(trees: Trees, directory: At) -> list[TreeEntry]:
    """As `Snapshot.children`; externals stand among the files."""
    _check(trees, directory)
    entries, kept = trees.directory(directory.path, directory.revision, _WANTED)
    present().spend(len(entries), sum(map(len, entries)))
    found = []
    left = _MOST_ASKED
    for name, told in sorted(entries.items(), key=_in_order):
        special = bool(told["has_props"]) and told["kind"] == FILE
        found.append(_entry(trees, _below(directory, name), told, special and left > 0))
        left -= special
    links = externals_of(kept.get("svn:externals", b""))
    if not links:
        return found
    taken = {one.path for one in found}
    for name, (target, revision) in links.items():
        path = _below(directory, name).path
        if path not in taken:
            found.append(TreeEntry(path, EntryKind.LINK, revision, target=target))
    return sorted(found, key=lambda one: (one.kind is not EntryKind.DIRECTORY, one.path))


def last_changes(trees: Trees, directory: At) -> dict[str, str]:
    """As `Snapshot.last_changes`: each node's created revision, which for a directory is that of what is below, too.

    It is what `svn ls -v` and `svn info` call the last changed revision. A directory that is copied takes what is in it
    along unchanged: `svn log` shows the copy first for these as well, and it did not change them.
    """
    _check(trees, directory)
    entries, _ = trees.directory(directory.path, directory.revision, KIND | CREATED)
    present().spend(len(entries), sum(map(len, entries)))
    return {name: str(told["created_rev"]) for name, told in entries.items()}


def files_below(trees: Trees, directory: At) -> Iterator[TreeEntry]:
    """As `Snapshot.files_below`; one directory at a time is held."""
    _check(trees, directory)
    return _files_below(trees, directory)


def _files_below(trees: Trees, directory: At) -> Iterator[TreeEntry]:
    budget = present()
    whole: dict[str, Any] = {"kind": DIRECTORY}
    waiting = [iter([(directory, whole)])]
    """For each directory on the way down what is left of it, in order."""
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
            continue
        node, told = step
        if told["kind"] != DIRECTORY:
            yield _entry(trees, node, told, bool(told["has_props"]))
            continue
        budget.check()
        entries, _ = trees.directory(node.path, node.revision, _WANTED)
        budget.spend(len(entries), sum(map(len, entries)))
        if not entries and node != directory:
            yield _entry(trees, node, told, special=False)
        # As bytes, `a-b` stands before `a/b`: a directory is where its files are.
        names = sorted(entries, key=partial(_place, entries))
        waiting.append(iter([(_below(node, name), entries[name]) for name in names]))


def properties(trees: Trees, node: At) -> Properties:
    """As `Snapshot.properties`."""
    if trees.kind(node.path, node.revision) not in (FILE, DIRECTORY):
        raise UnknownPath(node.path)
    found = trees.properties(node)
    return {name: found[name][:MOST_OF_A_VALUE] for name in sorted(found)}


def _check(trees: Trees, directory: At) -> None:
    if trees.kind(directory.path, directory.revision) != DIRECTORY:
        raise UnknownPath(directory.path)


def _below(directory: At, name: str) -> At:
    return At(f"{directory.path}/{name}" if directory.path else name, directory.revision)


def _place(entries: dict[str, dict[str, Any]], name: str) -> str:
    return f"{name}/" if entries[name]["kind"] == DIRECTORY else name


def _in_order(item: tuple[str, dict[str, Any]]) -> tuple[bool, str]:
    name, told = item
    return told["kind"] != DIRECTORY, name


def _entry(trees: Trees, node: At, told: dict[str, Any], special: bool) -> TreeEntry:
    """What a directory tells of an entry; `special`: its properties may say more."""
    if told["kind"] == DIRECTORY:
        return TreeEntry(node.path, EntryKind.DIRECTORY, node.id)
    kind = trees.entry_kind(node) if special else EntryKind.FILE
    size = trees.size(node, kind) if kind is EntryKind.SYMLINK else int(told["size"])
    return TreeEntry(node.path, kind, node.id, size)
