# SPDX-License-Identifier: GPL-3.0-or-later
"""The changesets and names of a repository, as all its readers share them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from trivium.vcs.errors import UnknownRevision
from trivium.vcs.hg.values import Index

_ID_BYTES: Final = 20


class HgIndex:
    """The changesets and names of a repository at one moment: what is the same for every reader until the next push."""

    def __init__(self, found: Index) -> None:
        self.ids = found.ids
        self.revisions = found.revisions
        self.names = (found.branches, found.tags, found.bookmarks)
        self.closed = frozenset(found.closed)
        self.tags = _by_id(found.tags)
        self.bookmarks = _by_id(found.bookmarks)

    def __len__(self) -> int:
        return len(self.ids) // _ID_BYTES

    def at(self, position: int) -> str:
        """The id at a position of the list."""
        return self.ids[position * _ID_BYTES : (position + 1) * _ID_BYTES].hex()

    def position(self, raw_id: str) -> int:
        """Where a changeset stands in the list; raises `UnknownRevision`."""
        for position in self.find(bytes.fromhex(raw_id)):
            return position
        raise UnknownRevision(raw_id)

    def find(self, start: bytes) -> Iterator[int]:
        """The positions of the changesets whose id starts with these bytes."""
        at = self.ids.find(start)
        while at != -1:
            if at % _ID_BYTES == 0:
                yield at // _ID_BYTES
            at = self.ids.find(start, at + 1)

    def numbered(self, revision: int) -> str | None:
        """The id of a local revision number; those of hidden changesets are nobody's."""
        if self.revisions is None:
            return self.at(revision) if revision < len(self) else None
        try:
            return self.at(self.revisions.index(revision))
        except ValueError:
            return None


def _by_id(names: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, raw_id in sorted(names.items()):
        found.setdefault(raw_id, []).append(name)
    return found
