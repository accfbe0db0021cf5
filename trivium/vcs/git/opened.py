# SPDX-License-Identifier: GPL-3.0-or-later
"""A Git repository opened by one reader: its objects, its list of commits, and git to ask what libgit2 is slow at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pygit2
from pygit2.enums import ObjectType

from trivium.vcs.errors import UnknownPath, UnknownRevision
from trivium.vcs.git.command import GitCommand
from trivium.vcs.git.commit import Commit, Links, read_commit, read_links
from trivium.vcs.git.commit_lists import ID_BYTES, Ids, position_in
from trivium.vcs.git.index import GitIndex

_COMMITS_KEPT: Final = 1 << 20
"""Characters of commits that are remembered while a repository is open, about."""
_SIZE: Final = 500
"""Characters of a commit beside its message, about."""
_LINKS_KEPT: Final = 4096
_SIZES_KEPT: Final = 4096
_NEAR: Final = 64


class Opened:
    """One repository, opened by one reader, perhaps together with `other` ones of its fork network."""

    def __init__(
        self, path: Path, repository: pygit2.Repository, index: GitIndex, other: tuple[Path, GitIndex] | None = None
    ) -> None:
        self.path = path
        self.repository = repository
        self.index = index
        self._other = other
        self._commits: dict[str, Commit] = {}
        self._kept = 0
        """Their size."""
        self._links: dict[str, Links] = {}
        self._sizes: dict[pygit2.Oid, int] = {}
        if other is not None:
            # Nothing is written: this repository knows the other one's objects as long as it is open.
            repository.odb.add_disk_alternate(str(other[0] / "objects"))

    @cached_property
    def command(self) -> GitCommand:
        """Git, which sees the objects that this reader sees."""
        command = self.index.command
        if self._other is None:
            return command
        place = str(self._other[0].absolute() / "objects")
        quoted = '"' + place.replace("\\", "\\\\").replace('"', '\\"') + '"'  # a colon would end it
        environment = command.environment | {"GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted}
        return replace(command, environment=environment)

    @cached_property
    def list(self) -> Ids:
        """The list of commits, oldest first."""
        return self.index.ids(self.path)

    def ids(self, start: int, end: int) -> Sequence[str]:
        """Full ids from the list of commits."""
        listed = self.list
        return [listed[at : at + ID_BYTES].hex() for at in range(start * ID_BYTES, end * ID_BYTES, ID_BYTES)]

    @property
    def count(self) -> int:
        return len(self.list) // ID_BYTES

    def position(self, raw_id: str, near: int | None = None) -> int:
        """Where a commit stands in the list, perhaps `near` another one; raises `UnknownRevision`."""
        raw = bytes.fromhex(raw_id)
        if near is not None:
            start = max(0, near - _NEAR)
            there = position_in(self.list[start * ID_BYTES : (near + _NEAR) * ID_BYTES], raw)
            if there is not None:
                return start + there
        at = position_in(self.list, raw)
        if at is None:
            raise UnknownRevision(raw_id)
        return at

    def check_visible(self, *raw_ids: str | None) -> None:
        """Raise `UnknownRevision` for what neither repository shows, when two of them are opened together.

        Of one alone every id was looked for in its list (`Snapshot.resolve`).
        """
        if self._other is None:
            return
        path, index = self._other
        for raw_id in raw_ids:
            raw = bytes.fromhex(raw_id or "")
            if raw_id and position_in(self.list, raw) is None and position_in(index.ids(path), raw) is None:
                raise UnknownRevision(raw_id)

    def commit(self, raw_id: str) -> Commit:
        """Most are asked for as themselves, for what they changed, and as the parent of the next one."""
        found = self._commits.get(raw_id)
        if found is None:
            found = read_commit(self.repository, raw_id, self.index.command)
            size = len(found.message) + _SIZE
            if self._kept + size > _COMMITS_KEPT:
                self._commits.clear()
                self._kept = 0
            if size <= _COMMITS_KEPT:
                self._commits[raw_id] = found
                self._kept += size
        return found

    def links(self, raw_id: str) -> Links:
        """What a commit leads to, for whoever walks over many of them."""
        found = self._links.get(raw_id)
        if found is None:
            if len(self._links) >= _LINKS_KEPT:
                self._links.clear()
            found = self._links[raw_id] = read_links(self.repository, raw_id, self.index.command)
        return found

    def tree(self, commit: Commit) -> pygit2.Tree:
        tree: Any = self.repository[commit.tree_id]
        return tree  # type: ignore[no-any-return]

    def lookup(self, raw_id: str, path: str) -> Any:
        """What is at a path (`path_within`) of a commit: its root, or what the entry stands for; None: nothing.

        Of a link to another repository there is only its entry: it has `id` and `filemode`, and cannot be read.
        """
        tree = self.tree(self.commit(raw_id))
        if not path:
            return tree
        try:
            return tree[path]
        except (KeyError, ValueError, TypeError):
            return None

    def directory(self, raw_id: str, path: str) -> pygit2.Tree:
        """The directory at a path of a commit; raises `UnknownPath`."""
        found = self.lookup(raw_id, path)
        if found is None or found.type != ObjectType.TREE:
            raise UnknownPath(path)
        return found  # type: ignore[no-any-return]

    def size(self, raw_id: pygit2.Oid) -> int:
        """The size of a file, by its header; what one commit made of it is what the next one began with."""
        found = self._sizes.get(raw_id)
        if found is None:
            if len(self._sizes) >= _SIZES_KEPT:
                self._sizes.clear()
            found = self._sizes[raw_id] = int(self.repository.odb.read_header(raw_id)[1])
        return found

    def read(self, raw_id: pygit2.Oid) -> bytes:
        return bytes(self.repository.odb.read(raw_id)[1])
