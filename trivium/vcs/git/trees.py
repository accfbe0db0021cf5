# SPDX-License-Identifier: GPL-3.0-or-later
"""How many entries trees have: counted before any walk, for a dozen objects can stand for millions of files.

A tree is read once, however often it occurs, and what lies below it is counted once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import pygit2

from trivium.vcs.budget import Budget, Exhausted
from trivium.vcs.errors import VcsError

_DEEPEST: Final = 2000
_KEPT: Final = 256
"""Trees whose entries are remembered: one commit and the next share most of the trees that they compare."""
_ENTRY: Final = rb"[0-7]{1,7} [^\0]*+\0.{20}"
_ENTRIES: Final = re.compile(rb"%b|[^\0]++\0?" % _ENTRY, re.DOTALL)
"""In a whole tree these are its entries. What is none is passed over at once: anything is read in linear time."""
_TREE: Final = re.compile(rb"(?:%b)*+" % _ENTRY, re.DOTALL)
_ID_BYTES: Final = 20

Entries = frozenset[bytes]
"""As they stand in the tree object (mode, blank, name, NUL, id): entries that two trees share need not be parsed."""


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
                gone, come = _by_name(left - right), _by_name(right - left)
                for name in gone.keys() | come.keys():
                    found += 1
                    pair = (gone.get(name), come.get(name))
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
            below = [entry[-_ID_BYTES:] for entry in entries if _is_directory(entry)]
            missing = {raw_id for raw_id in below if raw_id not in known}
            if missing:
                waiting += missing
                continue
            waiting.pop()
            # Larger counts are all the same: numbers with a thousand digits would cost much themselves.
            known[present] = min(len(entries) + sum(known[raw_id] for raw_id in below), 1 << 40)
        return known[tree]

    def _of(self, tree: bytes) -> Entries:
        found = self._entries.get(tree)
        if found is None:
            if len(self._entries) >= _KEPT:
                self._entries.clear()
            self._budget.check()
            _, raw = self._read(pygit2.Oid(raw=tree))
            found = self._entries[tree] = entries_of(raw)
        return found


def _by_name(entries: Iterable[bytes]) -> dict[bytes, bytes | None]:
    """Name → the id of the directory with this name, None if it is no directory."""
    return {
        entry[entry.index(b" ") + 1 : -_ID_BYTES - 1]: entry[-_ID_BYTES:] if _is_directory(entry) else None
        for entry in entries
    }


def _is_directory(entry: bytes) -> bool:
    """Whether it is one, by the first digit of the mode; old programs wrote zeros before it."""
    return entry.lstrip(b"0").startswith(b"4")


def entries_of(raw: bytes) -> Entries:
    """The entries of a tree object; raises `VcsError`."""
    if not _TREE.fullmatch(raw):
        raise VcsError("a tree is damaged")
    return frozenset(_ENTRIES.findall(raw))
