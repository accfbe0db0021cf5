# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of a Git repository for pages and archives: entries with their sizes, and contents in pieces.

A size comes from the header of an object, so that a page about files reads none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pygit2
from pygit2.enums import FileMode, ObjectType

from trivium.vcs.budget import present
from trivium.vcs.errors import UnknownPath
from trivium.vcs.git.opened import Opened
from trivium.vcs.git.submodules import addresses
from trivium.vcs.pages import EntryKind, TreeEntry
from trivium.vcs.paths import path_within

AT_ONCE: Final = 1 << 20
"""Bytes of a file that are read whole; what is larger comes from git, in pieces."""
_PIECE: Final = 256 << 10
_WINDOW: Final = 8 << 20
"""Bytes of a pack that git looks at together when it sends a large file."""
_PATIENCE: Final = 3600.0
"""Seconds that git may take for one content, while somebody waits for it."""
_KINDS: Final = {
    FileMode.TREE: EntryKind.DIRECTORY,
    FileMode.LINK: EntryKind.SYMLINK,
    FileMode.COMMIT: EntryKind.LINK,
    FileMode.BLOB_EXECUTABLE: EntryKind.EXECUTABLE,
}


def kind_of(mode: int) -> EntryKind:
    """What an entry with this mode is."""
    return _KINDS.get(mode, EntryKind.FILE)  # type: ignore[call-overload, no-any-return]  # an IntEnum


def entry(opened: Opened, raw_id: str, path: str) -> TreeEntry:
    """As `model.Snapshot.entry`."""
    path = path_within(path)
    found = opened.lookup(raw_id, path)
    if found is None:
        raise UnknownPath(path)
    if not path:
        return TreeEntry("", EntryKind.DIRECTORY, str(found.id))
    return _entry(opened, raw_id, path, found)


def children(opened: Opened, raw_id: str, path: str) -> list[TreeEntry]:
    """As `model.Snapshot.children`."""
    path = path_within(path)
    before = f"{path}/" if path else ""
    directories: list[TreeEntry] = []
    others: list[TreeEntry] = []
    budget = present()
    for found in opened.directory(raw_id, path):
        whole = before + name_of(found)
        budget.spend(1, len(whole))
        made = _entry(opened, raw_id, whole, found)
        (directories if made.kind == EntryKind.DIRECTORY else others).append(made)
    # Git orders a directory as if there were a slash behind its name.
    return sorted(directories, key=_by_name) + sorted(others, key=_by_name)


def files_below(opened: Opened, raw_id: str, path: str) -> Iterator[TreeEntry]:
    """As `model.Snapshot.files_below`."""
    path = path_within(path)
    budget = present()
    waiting: list[tuple[str, Iterator[Any]]] = [(f"{path}/" if path else "", iter(opened.directory(raw_id, path)))]
    while waiting:
        before, left = waiting[-1]
        found = next(left, None)
        if found is None:
            waiting.pop()
            continue
        whole = before + name_of(found)
        budget.spend(1, len(whole))
        if found.type == ObjectType.TREE:
            waiting.append((f"{whole}/", iter(found)))
        elif found.type == ObjectType.BLOB:
            yield _entry(opened, raw_id, whole, found)


def stream(opened: Opened, entry: TreeEntry) -> Iterator[bytes]:
    """As `model.Snapshot.stream`."""
    if entry.kind in (EntryKind.DIRECTORY, EntryKind.LINK):
        raise UnknownPath(entry.path)
    yield from pieces_of(opened, pygit2.Oid(hex=entry.id))


def pieces_of(opened: Opened, raw_id: pygit2.Oid) -> Iterator[bytes]:
    """The content of a file, in pieces."""
    if opened.size(raw_id) > AT_ONCE:
        # A window of a pack counts as memory of the process, and git takes a gigabyte at a time.
        small = ("-c", f"core.packedGitWindowSize={_WINDOW}", "-c", f"core.packedGitLimit={4 * _WINDOW}")
        words = (*small, "-c", f"core.bigFileThreshold={AT_ONCE}", "cat-file", "blob", str(raw_id))
        yield from opened.command.pieces(*words, cwd=opened.path, timeout=_PATIENCE)
        return
    content = opened.read(raw_id)
    for at in range(0, len(content), _PIECE):
        yield content[at : at + _PIECE]


def name_of(found: Any) -> str:
    """The name of an entry of a tree."""
    return found.raw_name.decode("utf-8", "surrogateescape")  # type: ignore[no-any-return]


def _entry(opened: Opened, raw_id: str, path: str, found: Any) -> TreeEntry:
    kind = kind_of(found.filemode)
    if kind == EntryKind.LINK:
        return TreeEntry(path, kind, str(found.id), target=addresses(opened, raw_id).get(path, ""))
    size = None if kind == EntryKind.DIRECTORY else opened.size(found.id)
    return TreeEntry(path, kind, str(found.id), size)


def _by_name(entry: TreeEntry) -> bytes:
    return entry.path.encode("utf-8", "surrogateescape")
