# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commit changed each entry of a directory last: by definition what `git log -1 <commit> -- <entry>` tells.

Git goes back from a commit to its first parent in which the entry is the same, and stops at a commit that has no such
parent: where the history of an entry leads depends on nothing else. So all entries are followed at once, as one as long
as they take the same way. For the few that nobody has touched for long git is asked, which knows from the commit graph
what a commit did not change; it goes on from where we stopped.
"""

from __future__ import annotations

import heapq
from typing import Any, Final

import pygit2
from pygit2.enums import ObjectType

from trivium.vcs.budget import Exhausted, present
from trivium.vcs.errors import VcsError
from trivium.vcs.git.commit import Links
from trivium.vcs.git.listing import name_of
from trivium.vcs.git.opened import Opened
from trivium.vcs.git.trees import entries_of
from trivium.vcs.paths import path_within

_OFTEN: Final = 64
"""Commits between two looks at the clock, and at whether git would be quicker."""
_FEW: Final = 6
"""Entries for which git is quicker, one after the other, than we are for all of them."""
_FAR: Final = 4000
"""Commits that are left, for that to be worth the start of a process."""
_NEAR: Final = 50
"""Commits that one path is followed over in the time in which git starts."""
_WIDE: Final = 1000
"""Entries of a directory from which on that does not hold."""
_LARGE: Final = 16 << 10
"""Bytes of a directory in which names are looked up one by one, rather than to take it apart."""
_PATIENCE: Final = 60.0

_Entry = tuple[int, Any]
"""Mode and id."""


def last_changes(opened: Opened, raw_id: str, path: str) -> dict[str, str]:
    """As `model.Snapshot.last_changes`."""
    path = path_within(path)
    directory = opened.directory(raw_id, path)
    entries: dict[str, _Entry] = {name_of(entry): (entry.filemode, entry.id) for entry in directory}
    budget = present()
    budget.spend(len(entries), sum(map(len, entries)))
    search = _Search(opened, path, entries)
    search.begin(raw_id, directory.id)
    try:
        while search.goes_on:
            budget.check()
            if search.is_far:
                search.ask(min(budget.left, _PATIENCE))
            else:
                search.go(_OFTEN)
    except Exhausted:
        budget.cut = True
    return search.found


def last_change(opened: Opened, raw_id: str, path: str) -> str | None:
    """What `last_changes` tells of one path, clean and not empty, if that is near; None: git finds it sooner.

    Raises `UnknownPath`.
    """
    above, _, name = path.rpartition("/")
    directory = opened.directory(raw_id, above)
    if len(directory) > _WIDE:
        return None
    try:
        entry = directory[name]
    except (KeyError, ValueError, TypeError):
        return None
    search = _Search(opened, above, {name: (entry.filemode, entry.id)})
    search.begin(raw_id, directory.id)
    search.go(_NEAR)
    return search.found.get(name)


class _Search:
    """The entries of one directory, each on its way back."""

    def __init__(self, opened: Opened, path: str, entries: dict[str, _Entry]) -> None:
        self.found: dict[str, str] = {}
        self._opened = opened
        self._path = path
        self._entries = entries
        """What they are at the beginning, and at every commit that they have come to."""
        self._raw = {name: _raw_entry(name, *entry) for name, entry in entries.items()}
        self._at: dict[str, set[str]] = {}
        """Commit → the entries that have come to it."""
        self._directories: dict[str, pygit2.Oid] = {}
        self._waiting: list[tuple[int, str]] = []
        """The same commits, the youngest first: where ways meet again they are one."""
        self._has_graph = any(
            (opened.path / "objects" / "info" / name).exists() for name in ("commit-graphs", "commit-graph")
        )

    def begin(self, raw_id: str, directory: pygit2.Oid) -> None:
        """All entries start here."""
        if self._entries:
            self._move(set(self._entries), raw_id, self._opened.links(raw_id), directory)

    @property
    def goes_on(self) -> bool:
        """Whether entries are still on their way."""
        return bool(self._waiting)

    @property
    def is_far(self) -> bool:
        """Whether git would be quicker: there is much history left for few entries."""
        left = len(self._entries) - len(self.found)
        return self._has_graph and left <= _FEW and self._opened.position(self._waiting[0][1]) > _FAR

    def go(self, steps: int) -> None:
        """Look at so many commits."""
        while steps and self._waiting:
            steps -= 1
            _, raw_id = heapq.heappop(self._waiting)
            self._step(raw_id, self._at.pop(raw_id), self._directories.pop(raw_id))

    def ask(self, seconds: float) -> None:
        """Let git go on with one entry."""
        raw_id = self._waiting[0][1]
        name = self._at[raw_id].pop()
        if not self._at[raw_id]:
            heapq.heappop(self._waiting)
            del self._at[raw_id], self._directories[raw_id]
        opened = self._opened
        whole = f"{self._path}/{name}" if self._path else name
        words = ("--literal-pathspecs", "rev-list", "--max-count=1", raw_id, "--", whole)
        try:
            said = opened.command.run(*words, cwd=opened.path, timeout=seconds, only_reads=True)
        except VcsError:
            present().check()  # it was a matter of time, perhaps
            raise
        if said:
            self.found[name] = said.decode("ascii").strip()

    def _step(self, raw_id: str, names: set[str], directory: pygit2.Oid) -> None:
        """Send each entry on to the first parent that has the same; what none has was changed here."""
        for parent in self._opened.links(raw_id).parents:
            links = self._opened.links(parent)
            before = self._directory(links)
            if before is None:
                continue
            same = names if before == directory else self._same(before, names)
            if same:
                self._move(same, parent, links, before)
                names = names - same
            if not names:
                return
        self.found.update(dict.fromkeys(names, raw_id))

    def _same(self, directory: pygit2.Oid, names: set[str]) -> set[str]:
        """Those of the entries that a directory has as they are."""
        raw = self._opened.read(directory)
        same: set[str] = set()
        if len(raw) <= _LARGE:
            there = entries_of(raw)
            same = {name for name in names if self._raw[name] in there}
            if len(same) == len(names):
                return same
        # What differs in its bytes may still be the same: old programs wrote modes in other digits.
        tree = self._opened.repository[directory]
        return same | {name for name in names - same if self._is_in(tree, name)}

    def _is_in(self, directory: Any, name: str) -> bool:
        try:
            entry = directory[name]
        except KeyError:
            return False
        return (entry.filemode, entry.id) == self._entries[name]

    def _move(self, names: set[str], raw_id: str, links: Links, directory: pygit2.Oid) -> None:
        there = self._at.get(raw_id)
        if there is not None:
            there |= names
            return
        self._at[raw_id] = set(names)
        self._directories[raw_id] = directory
        heapq.heappush(self._waiting, (-links.time, raw_id))

    def _directory(self, links: Links) -> pygit2.Oid | None:
        """The directory at a commit; None where there is none."""
        if not self._path:
            return pygit2.Oid(hex=links.tree)
        tree: Any = self._opened.repository[links.tree]
        try:
            found = tree[self._path]
        except KeyError:
            return None
        return found.id if found.type == ObjectType.TREE else None


def _raw_entry(name: str, mode: int, raw_id: pygit2.Oid) -> bytes:
    """An entry as it stands in a tree object, where git wrote that."""
    return b"%o %b\0%b" % (mode, name.encode("utf-8", "surrogateescape"), raw_id.raw)
