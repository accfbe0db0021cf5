# SPDX-License-Identifier: GPL-3.0-or-later
"""What every reader of a Git repository's history needs, made once for all of them until the next push."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import pygit2
from cachetools import LRUCache

from trivium.vcs.git.command import GitCommand
from trivium.vcs.git.commit_lists import CommitLists, Ids
from trivium.vcs.git.objects import peeled

_FILES_KEPT: Final = 16
_PAGES_KEPT: Final = 256
_LINES_KEPT: Final = 4
"""They have 4 bytes a commit."""
_DELTAS_KEPT: Final = 2

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """What was asked for last, for several threads."""

    def __init__(self, most: int) -> None:
        self._kept: LRUCache[Key, Value] = LRUCache(most)
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        with self._lock:
            found: Value | None = self._kept.get(key)
            return found

    def put(self, key: Key, value: Value) -> Value:
        with self._lock:
            self._kept[key] = value
        return value


class GitIndex:
    """The commits and names of a repository at one moment: what is the same for every reader until the next push."""

    def __init__(self, refs: dict[str, str], tip: str | None, lists: CommitLists, command: GitCommand) -> None:
        self.refs = refs
        self.tip = tip
        """The last of the list of commits, empty without any; None when only the list can tell."""
        self.command = command
        self._lists = lists
        self._ids: Ids | None = None
        self._lock = threading.Lock()
        self._tags: dict[str, list[str]] | None = None
        self.submodules: Kept[str, dict[str, str]] = Kept(_FILES_KEPT)
        """What files that tell of submodules say, by the ids of their contents."""
        self.pages: Kept[tuple[str, str], frozenset[str]] = Kept(_PAGES_KEPT)
        """Head and last commit of a page → what the next one may begin with (`walking.page`)."""
        self.lines: Kept[str, array[int]] = Kept(_LINES_KEPT)
        """Head → the positions of all commits that it leads to."""
        self.deltas: Kept[Hashable, Sequence[Any]] = Kept(_DELTAS_KEPT)
        """What was compared → the files that differ (`differences.deltas`): the head of a page, and then its lines."""
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
