# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Git repository: its list of commits, revisions, changes and trees (api-repos.md 2, 3).

The list of commits is kept as a file of raw ids in date order, so that a position is a slice and an id a search.
Commits outside the list cannot be read, for only a branch or tag makes a commit visible (api-repos.md 5, strip).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pygit2
from cachetools import LRUCache
from pygit2.enums import DiffFind, DiffOption, FileMode, ObjectType

from trivium.vcs.budget import Budget, present
from trivium.vcs.diff.comparing import AT_ONCE
from trivium.vcs.diff.files import Side, change_of
from trivium.vcs.errors import UnknownPath, UnknownRevision
from trivium.vcs.git import log
from trivium.vcs.git.command import GitCommand
from trivium.vcs.git.commit import Commit, read_commit
from trivium.vcs.git.commit_lists import ID_BYTES, CommitLists, Ids
from trivium.vcs.git.objects import branch_at, changeset_of, peeled
from trivium.vcs.git.trees import Trees
from trivium.vcs.paths import clean_path
from trivium.vcs.texts import text_of
from trivium.vcs.values import (
    LARGEST_COMPARED,
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

_FULL_ID = re.compile("[0-9a-f]{40}")
_PREFIX = re.compile("[0-9a-f]{7,39}")
_POSITION = re.compile("[0-9]{1,11}")
_FIRST: Final = frozenset({"tip", "HEAD", "head"})
_MOST_RESEMBLING: Final = 32 << 20
"""Bytes of files that are read to find renames among them; beyond that only equal files count as renamed."""
_OFTEN: Final = 32
_COMMITS_KEPT: Final = 1 << 20
"""About how many characters of commits are remembered while a repository is open."""
_OPERATIONS: Final = {"A": "A", "D": "D"}


class GitIndex:
    """The commits and names of a repository at one moment: the same for every reader until the next push."""

    def __init__(self, refs: dict[str, str], tip: str | None, lists: CommitLists, command: GitCommand) -> None:
        self.refs = refs
        self.tip = tip
        """The last of the list of commits, empty without any; None when only the list can tell."""
        self.command = command
        self._lists = lists
        self._ids: Ids | None = None
        self._lock = threading.Lock()
        self._tags: dict[str, list[str]] | None = None
        self.heads: dict[str, list[str]] = {}
        """Commit → the branches whose head it is."""
        for name, raw_id in refs.items():
            if name.startswith("refs/heads/"):
                self.heads.setdefault(raw_id, []).append(name)

    def ids(self, path: Path) -> Ids:
        """The list of commits. The repository stands at `path` now, wherever it was when the index was made."""
        with self._lock:
            if self._ids is None:
                self._ids = self._lists.of(self.command, path, self.refs)
            return self._ids

    def tags(self, repository: pygit2.Repository) -> dict[str, list[str]]:
        """Commit → the tags that stand for it, annotated ones too."""
        with self._lock:
            if self._tags is None:
                self._tags = {}
                for name, raw_id in self.refs.items():
                    if name.startswith("refs/tags/") and (commit := peeled(repository, raw_id)):
                        self._tags.setdefault(str(commit), []).append(name.removeprefix("refs/tags/"))
            return self._tags


class GitSnapshot:
    """One repository, opened by one reader."""

    era: str | None = ""
    lasting_files = True

    def __init__(self, path: Path, repository: pygit2.Repository, index: GitIndex) -> None:
        self._path = path
        self._repository = repository
        self._index = index
        self._commits: LRUCache[str, Commit] = LRUCache(_COMMITS_KEPT, _size_of)

    @cached_property
    def _trees(self) -> Trees:
        return Trees(self._repository, present())

    @cached_property
    def _ids(self) -> Ids:
        return self._index.ids(self._path)

    @property
    def _tip(self) -> str:
        """The last of the list of commits; for it alone the list need not be there."""
        known = self._index.tip
        return self._ids[-ID_BYTES:].hex() if known is None else known

    def is_empty(self) -> bool:
        return not self._tip

    def ids(self, start: int, limit: int | None) -> Sequence[str]:
        end = len(self._ids) if limit is None else min(len(self._ids), (start + limit) * ID_BYTES)
        return [self._ids[at : at + ID_BYTES].hex() for at in range(start * ID_BYTES, end, ID_BYTES)]

    def position(self, raw_id: str) -> int:
        at = self._find(bytes.fromhex(raw_id))
        if at is None:
            raise UnknownRevision(raw_id)
        return at

    def start(self, revision: str) -> int:
        return self.position(self.resolve(revision))

    def _position_near(self, raw_id: str, guess: int) -> int:
        """As `position`, but without a search for commits that are asked for in their order, which is usual."""
        at = guess * ID_BYTES
        return guess if self._ids[at : at + ID_BYTES].hex() == raw_id else self.position(raw_id)

    def _find(self, raw_id: bytes) -> int | None:
        """The position of a commit; None when there is no such one."""
        at = self._ids.find(raw_id)
        while at != -1 and at % ID_BYTES:
            at = self._ids.find(raw_id, at + 1)
        return None if at == -1 else at // ID_BYTES

    def resolve(self, revision: str) -> str:
        if revision in _FIRST and not self.is_empty():
            return self._tip
        if _FULL_ID.fullmatch(revision) and self._find(bytes.fromhex(revision)) is not None:
            return revision
        if _POSITION.fullmatch(revision) and int(revision) < len(self._ids) // ID_BYTES:
            return self.ids(int(revision), 1)[0]
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}"):
            target = self._index.refs.get(name)
            if target is not None and (commit := peeled(self._repository, target)):
                return str(commit)
        if _PREFIX.fullmatch(revision) and (found := self._by_prefix(revision)):
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
            found.append(changeset_of(self._commit(raw_id), position, branch))
        return found

    def refs_at(self, raw_id: str) -> Refs:
        branches = sorted(name.removeprefix("refs/heads/") for name in self._index.heads.get(raw_id, ()))
        return Refs(tuple(branches), (), tuple(sorted(self._index.tags(self._repository).get(raw_id, ()))))

    def changes(self, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
        left = limits.total if limits else 0
        budget = present()
        for raw_id in raw_ids:
            budget.check()
            diff = self._diff(self._commit(raw_id), budget)
            budget.spend(len(diff))
            if limits is None:
                yield [_change(delta) for delta in diff.deltas]
                continue
            found = []
            for number, delta in enumerate(list(diff.deltas)):
                change = self._full_change(diff, number, delta, min(limits.per_file, left))
                left -= len(change.diff or "")
                found.append(change)
            yield found

    def _diff(self, commit: Commit, budget: Budget) -> pygit2.Diff:
        """A commit compared with its first parent; a root commit with nothing."""
        flags = DiffOption.INCLUDE_TYPECHANGE
        parent = self._commit(str(commit.parent_ids[0])) if commit.parent_ids else None
        if budget.nodes:
            # The library lists all differences before it can be stopped. A file may have two names.
            self._trees.check_changes(parent.tree_id.raw if parent else None, commit.tree_id.raw, 2 * budget.nodes)
        if parent is not None:
            diff = self._tree(parent).diff_to_tree(self._tree(commit), flags=flags)
        else:
            diff = self._tree(commit).diff_to_tree(flags=flags, swap=True)
        gone, come = [], []
        for delta in diff.deltas:
            operation = delta.status_char()
            if operation == "D":
                gone.append(delta.old_file)
            elif operation == "A":
                come.append(delta.new_file)
        if gone and come:
            exactly = DiffFind.FIND_EXACT_MATCH_ONLY if self._are_large(gone + come) else DiffFind.FIND_BY_CONFIG
            diff.find_similar(DiffFind.FIND_RENAMES | exactly)
        return diff

    def _commit(self, raw_id: str) -> Commit:
        """A commit, remembered: most are needed for themselves, for their changes, and as the next one's parent."""
        found = self._commits.get(raw_id)
        if found is None:
            found = read_commit(self._repository, raw_id, self._index.command)
            if _size_of(found) <= _COMMITS_KEPT:
                self._commits[raw_id] = found
        return found

    def _tree(self, commit: Commit) -> pygit2.Tree:
        tree: Any = self._repository[commit.tree_id]
        return tree  # type: ignore[no-any-return]

    def _are_large(self, went_and_came: Sequence[Any]) -> bool:
        """Whether comparing the files that went and came, to find renames, would read too much."""
        return sum(map(self._size, went_and_came)) > _MOST_RESEMBLING

    def _size(self, file: Any) -> int:
        """The size of a file, by its header; 0 where there is none, and for a link to another repository."""
        if file.mode == FileMode.COMMIT or not file.mode:
            return 0
        return int(self._repository.odb.read_header(file.id)[1])

    def _full_change(self, diff: pygit2.Diff, number: int, delta: Any, limit: int) -> FileChange:
        """One file of a commit, with its diff unless that has more than `limit` bytes."""
        change = _change(delta)
        revisions = (_revision(delta.old_file), _revision(delta.new_file))
        sizes = (self._size(delta.old_file), self._size(delta.new_file))
        if max(sizes) > LARGEST_COMPARED:
            # As Git does with files above its own threshold.
            return FileChange(change.path, change.op, *revisions, added=0, deleted=0, binary=True)
        if all(sizes) and sum(sizes) > AT_ONCE and delta.old_file.id != delta.new_file.id:
            old, new = (
                Side(str(file.id), bytes(self._repository.odb.read(file.id)[1]), f"{file.mode:o}")
                for file in (delta.old_file, delta.new_file)
            )
            return change_of(change.path, old, new, limit)
        with present().compare() as seconds:
            patch: Any = diff[number] if seconds > 0 else None
            if patch is None:
                return FileChange(change.path, change.op, *revisions)
            raw = patch.data
            binary = bool(patch.delta.is_binary)
            _, added, deleted = (0, 0, 0) if binary else patch.line_stats
        return FileChange(
            change.path,
            change.op,
            *revisions,
            diff=text_of(raw) if len(raw) <= limit else None,
            added=added,
            deleted=deleted,
            binary=binary,
        )

    def names(self, layout: Layout | None = None) -> Names:  # noqa: ARG002
        index = self._index
        return Names(
            branches={name.removeprefix("refs/heads/"): at for at, names in index.heads.items() for name in names},
            bookmarks={},
            tags={name: at for at, names in index.tags(self._repository).items() for name in names},
        )

    def path_history(self, raw_id: str, path: str, start: int, limit: int) -> Sequence[str]:
        path = clean_path(path)
        return log.path_history(self._index.command, self._path, self._repository, raw_id, path, start, limit)

    def annotate(self, raw_id: str, path: str, limit: int) -> list[AnnotatedLine]:
        return log.annotate(self._index.command, self._path, self._repository, raw_id, clean_path(path), limit)

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


def _size_of(commit: Commit) -> int:
    return len(commit.message) + 500


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


def _path_of(file: Any) -> str:
    return text_of(file.raw_path)


def _change(delta: Any) -> FileChange:
    operation = _OPERATIONS.get(delta.status_char(), "M")
    return FileChange(_path_of(delta.old_file if operation == "D" else delta.new_file), operation)


def _revision(file: Any) -> str | None:
    raw_id = str(file.id)
    return raw_id if raw_id.strip("0") else None
