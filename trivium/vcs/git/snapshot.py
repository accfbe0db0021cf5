# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Git repository: its list of commits, revisions, changes and trees (api-repos.md 2, 3).

The list of commits is kept as a file of raw ids in date order, so that a position is a slice and an id a search.
Commits outside the list cannot be read, for only a branch or tag makes a commit visible (api-repos.md 5, strip).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pygit2
from pygit2.enums import FileMode, ObjectType

from trivium.vcs.budget import present
from trivium.vcs.errors import NotPossible, UnknownPath, UnknownRevision
from trivium.vcs.git import differences, listing, log, patches, walking
from trivium.vcs.git.changes import changes
from trivium.vcs.git.commit_lists import ID_BYTES, Ids, position_in
from trivium.vcs.git.index import GitIndex
from trivium.vcs.git.last_changes import last_change, last_changes
from trivium.vcs.git.objects import branch_at, changeset_of, peeled
from trivium.vcs.git.opened import Opened
from trivium.vcs.pages import Apart, CommitDetails, DiffOptions, FileDifference, Properties, TreeEntry
from trivium.vcs.paths import clean_path, path_within
from trivium.vcs.texts import text_of
from trivium.vcs.values import (
    AnnotatedLine,
    Changeset,
    Content,
    DiffLimits,
    FileChange,
    Layout,
    Names,
    Node,
    Refs,
)

_FULL_ID = re.compile("[0-9a-fA-F]{40}")
_PREFIX = re.compile("[0-9a-fA-F]{7,39}")
_POSITION = re.compile("[0-9]{1,11}")
_FIRST: Final = frozenset({"tip", "HEAD", "head"})
_OFTEN: Final = 32


class GitSnapshot:
    """One repository, opened by one reader."""

    era: str | None = ""
    lasting_files = True

    def __init__(
        self, path: Path, repository: pygit2.Repository, index: GitIndex, other: tuple[Path, GitIndex] | None = None
    ) -> None:
        self._opened = Opened(path, repository, index, other)
        self._path = path
        self._repository = repository
        self._index = index

    @cached_property
    def _ids(self) -> Ids:
        return self._opened.list

    @property
    def _tip(self) -> str:
        """The last of the list of commits; for it alone the list need not be there."""
        known = self._index.tip
        return self._ids[-ID_BYTES:].hex() if known is None else known

    def is_empty(self) -> bool:
        return not self._tip

    def first_branch(self) -> str:
        """The one that HEAD names: clones begin there."""
        return str(self._repository.lookup_reference("HEAD").target).removeprefix("refs/heads/")

    def ids(self, start: int, limit: int | None) -> Sequence[str]:
        end = len(self._ids) if limit is None else min(len(self._ids), (start + limit) * ID_BYTES)
        return [self._ids[at : at + ID_BYTES].hex() for at in range(start * ID_BYTES, end, ID_BYTES)]

    def position(self, raw_id: str) -> int:
        return self._opened.position(raw_id)

    def start(self, revision: str) -> int:
        return self.position(self.resolve(revision))

    def _position_near(self, raw_id: str, guess: int) -> int:
        """As `position`, but without a search for commits that are asked for in their order, which is usual."""
        at = guess * ID_BYTES
        return guess if self._ids[at : at + ID_BYTES].hex() == raw_id else self._opened.position(raw_id, guess)

    def resolve(self, revision: str) -> str:
        if revision in _FIRST and not self.is_empty():
            return self._tip
        if _FULL_ID.fullmatch(revision) and position_in(self._ids, bytes.fromhex(revision)) is not None:
            return revision.lower()
        if _POSITION.fullmatch(revision) and int(revision) < len(self._ids) // ID_BYTES:
            return self.ids(int(revision), 1)[0]
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}"):
            target = self._index.refs.get(name)
            if target is not None and (commit := peeled(self._repository, target)):
                return str(commit)
        if _PREFIX.fullmatch(revision) and (found := self._by_prefix(revision.lower())):
            return found
        raise UnknownRevision(revision)

    def _by_prefix(self, prefix: str) -> str | None:
        """The only commit whose id starts with these digits."""
        even = bytes.fromhex(prefix[: len(prefix) & ~1])
        matching: list[str] = []
        at = self._ids.find(even)
        while at != -1 and len(matching) < 2:
            if at % ID_BYTES == 0:
                raw_id = self._ids[at : at + ID_BYTES].hex()
                if raw_id.startswith(prefix):
                    matching.append(raw_id)
            at = self._ids.find(even, at + 1)
        return matching[0] if len(matching) == 1 else None

    def changesets(self, raw_ids: Sequence[str]) -> list[Changeset]:
        repository = self._repository
        heads = self._index.heads
        default = str(repository.lookup_reference("HEAD").target)
        found = []
        position = -1
        for raw_id in raw_ids:
            position = self._position_near(raw_id, position + 1)
            branch = branch_at(heads.get(raw_id), default)
            found.append(changeset_of(self._opened.commit(raw_id), position, branch))
        return found

    def refs_at(self, raw_id: str) -> Refs:
        branches = sorted(name.removeprefix("refs/heads/") for name in self._index.heads.get(raw_id, ()))
        return Refs(tuple(branches), (), tuple(sorted(self._index.tags(self._repository).get(raw_id, ()))))

    def changes(self, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
        return changes(self._opened, raw_ids, limits)

    def names(self, layout: Layout | None = None) -> Names:  # noqa: ARG002
        index = self._index
        return Names(
            branches={name.removeprefix("refs/heads/"): at for at, names in index.heads.items() for name in names},
            bookmarks={},
            tags={name: at for at, names in index.tags(self._repository).items() for name in names},
        )

    def path_history(self, raw_id: str, path: str, start: int, limit: int) -> Sequence[str]:
        path = path_within(path)
        if path and (start, limit) == (0, 1) and (last := last_change(self._opened, raw_id, path)) is not None:
            return [last]
        return log.path_history(self._index.command, self._path, self._repository, raw_id, path, start, limit)

    def annotate(self, raw_id: str, path: str, limit: int) -> list[AnnotatedLine]:
        return log.annotate(self._index.command, self._path, self._repository, raw_id, path_within(path), limit)

    def nodes(self, raw_id: str, path: str) -> list[Node]:
        tree = log.entry_at(self._index.command, self._repository, raw_id, path)
        if tree.type != ObjectType.TREE:
            return []
        directories: list[Node] = []
        files: list[Node] = []
        budget = present()
        for node in _walk(tree, f"{path}/" if path else ""):
            budget.spend(1, len(node.path))
            (directories if node.kind == "dir" else files).append(node)
        return sorted(directories, key=_by_path) + sorted(files, key=_by_path)

    def file(self, raw_id: str, path: str) -> Node:
        path = clean_path(path)
        entry = log.entry_at(self._index.command, self._repository, raw_id, path)
        if entry.type != ObjectType.BLOB:
            raise UnknownPath(path)
        return Node(path, "file", str(entry.id))

    def sizes(self, nodes: Sequence[Node]) -> list[int]:
        read_header = self._repository.odb.read_header
        return [read_header(pygit2.Oid(hex=node.id))[1] for node in nodes]

    def contents(self, nodes: Sequence[Node], most: int) -> Iterator[Content]:
        objects = self._repository.odb
        budget = present()
        for number, node in enumerate(nodes):
            if not number % _OFTEN:
                budget.check()
            raw_id = pygit2.Oid(hex=node.id)
            _, size = objects.read_header(raw_id)
            yield Content(size, bytes(objects.read(raw_id)[1]) if size <= most else None)

    # What pages and downloads need.

    def entry(self, raw_id: str, path: str) -> TreeEntry:
        return listing.entry(self._opened, raw_id, path)

    def children(self, raw_id: str, path: str) -> list[TreeEntry]:
        return listing.children(self._opened, raw_id, path)

    def last_changes(self, raw_id: str, path: str) -> dict[str, str]:
        return last_changes(self._opened, raw_id, path)

    def files_below(self, raw_id: str, path: str) -> Iterator[TreeEntry]:
        return listing.files_below(self._opened, raw_id, path)

    def parts(self, raw_id: str) -> list[TreeEntry]:
        """Git has none."""
        self._opened.check_visible(raw_id)
        return []

    def stream(self, entry: TreeEntry) -> Iterator[bytes]:
        return listing.stream(self._opened, entry)

    def details(self, raw_ids: Sequence[str]) -> list[CommitDetails]:
        return walking.details(self._opened, raw_ids)

    def page(self, head: str | None, after: str | None, limit: int) -> list[str]:
        return walking.page(self._opened, head, after, limit)

    def branch_page(self, branch: str, after: str | None, limit: int) -> list[str]:
        return walking.branch_page(self._opened, branch, after, limit)

    def ancestor(self, one: str, other: str) -> str | None:
        return walking.ancestor(self._opened, one, other)

    def lacking(self, old: str, new: str, limit: int) -> list[str]:
        return walking.lacking(self._opened, old, new, limit)

    def apart(self, old: tuple[str, str], new: tuple[str, str], limit: int) -> Apart:  # noqa: ARG002
        raise NotPossible("branches are no directories here")

    def differences(self, old: str | None, new: str, options: DiffOptions) -> Iterator[FileDifference]:
        return differences.differences(self._opened, old, new, options)

    def differing(self, old: str | None, new: str, options: DiffOptions) -> list[FileDifference]:
        return differences.differing(self._opened, old, new, options)

    def raw_diff(self, old: str | None, new: str, options: DiffOptions) -> Iterator[bytes]:
        return patches.raw_diff(self._opened, old, new, options)

    def patch(self, raw_id: str, options: DiffOptions) -> Iterator[bytes]:
        return patches.patch(self._opened, raw_id, options)

    def properties(self, raw_id: str, path: str) -> Properties:
        listing.entry(self._opened, raw_id, path)
        return {}


def _by_path(node: Node) -> str:
    return node.path


def _walk(tree: pygit2.Tree, prefix: str) -> Iterator[Node]:
    """Every entry below a tree, with full paths; links are not followed."""
    waiting: list[tuple[pygit2.Tree, str]] = [(tree, prefix)]
    while waiting:
        present, before = waiting.pop()
        for entry in present:
            path = before + text_of(entry.raw_name or b"")
            if entry.type == ObjectType.TREE:
                yield Node(path, "dir", str(entry.id))
                below: Any = entry
                waiting.append((below, path + "/"))
            else:
                kind = "submodule" if entry.filemode == FileMode.COMMIT else "file"
                yield Node(path, kind, str(entry.id))
