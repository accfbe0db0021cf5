# SPDX-License-Identifier: GPL-3.0-or-later
"""How much trees show: counted before anybody walks through it, for a dozen objects can stand for millions of files.

A tree is read once, however often it occurs, and what lies below it is counted once.
"""

from __future__ import annotations

from typing import Final

import pygit2

from trivium.vcs.budget import Budget, Exhausted
from trivium.vcs.errors import VcsError

_DEEPEST: Final = 2000
_KEPT: Final = 256
"""Trees whose entries are remembered: from one commit to the next most of those that changed are the same."""
_DIRECTORY: Final = b"4"

Entries = dict[bytes, tuple[bytes, bytes]]
"""Name → first digit of the mode, which is 4 for a directory, and id."""


class Trees:
    """The trees of one repository."""

    def __init__(self, repository: pygit2.Repository, budget: Budget) -> None:
        self._budget = budget
        self._read = repository.odb.read
        self._entries: dict[bytes, Entries] = {}
        self._below: dict[bytes, int] = {}

    def check_changes(self, old: bytes | None, new: bytes | None, most: int) -> None:
        """Raise `Exhausted` when more than `most` files and directories may differ between two trees (raw ids)."""
        found = 0
        waiting = [(old, new, 0)]
        while waiting:
            before, after, depth = waiting.pop()
            if before == after:
                continue
            if before is None or after is None:
                found += self._count(before or after or b"", most)
            else:
                left, right = self._of(before), self._of(after)
                for name in {name for name, _ in left.items() ^ right.items()}:
                    found += 1
                    pair = (_directory(left.get(name)), _directory(right.get(name)))
                    if pair != (None, None):
                        waiting.append((*pair, depth + 1))
            if found > most or depth > _DEEPEST:
                raise Exhausted("there are too many files and directories for one answer (max_api_nodes)")

    def _count(self, tree: bytes, most: int) -> int:
        """How many entries there are below a tree, at all depths; at most a little more than `most`."""
        known = self._below
        waiting = [tree]
        while waiting:
            if len(waiting) > _DEEPEST + most:
                return most + 1
            present = waiting[-1]
            if present in known:
                waiting.pop()
                continue
            entries = self._of(present)
            below = [raw_id for kind, raw_id in entries.values() if kind == _DIRECTORY]
            missing = {raw_id for raw_id in below if raw_id not in known}
            if missing:
                waiting += missing
                continue
            waiting.pop()
            # More than this is not told apart: numbers with a thousand digits cost as much as what they count.
            known[present] = min(len(entries) + sum(known[raw_id] for raw_id in below), 1 << 40)
        return known[tree]

    def _of(self, tree: bytes) -> Entries:
        found = self._entries.get(tree)
        if found is None:
            if len(self._entries) >= _KEPT:
                self._entries.clear()
            self._budget.check()
            _, raw = self._read(pygit2.Oid(raw=tree))
            found = self._entries[tree] = _entries(raw)
        return found


def _directory(entry: tuple[bytes, bytes] | None) -> bytes | None:
    return entry[1] if entry is not None and entry[0] == _DIRECTORY else None


def _entries(raw: bytes) -> Entries:
    """The entries of a tree object; raises `VcsError`."""
    found: Entries = {}
    at = 0
    while at < len(raw):
        space = raw.find(b" ", at, at + 12)
        end = raw.find(b"\0", space)
        if space < 0 or end < 0 or end + 21 > len(raw):
            raise VcsError("a tree is damaged")
        found[raw[space + 1 : end]] = (raw[at:space].lstrip(b"0")[:1], raw[end + 1 : end + 21])
        at = end + 21
    return found
