# SPDX-License-Identifier: GPL-3.0-or-later
"""One changeset with all that a page tells of it, but for what it changed (design: web.md 2.4)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec

from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.render.text import typeable
from trivium.vcs.errors import UnknownPath, UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import CommitDetails, DiffOptions
from trivium.vcs.values import Changeset, Refs, bounded

MOST_NEIGHBOURS = 24
"""Parents, and children, that are told."""


class Detailed(msgspec.Struct, frozen=True):
    """A changeset, its neighbours and its names."""

    changeset: Changeset
    details: CommitDetails
    refs: Refs
    parents: tuple[Changeset, ...]
    children: tuple[Changeset, ...]

    def parent(self, number: int) -> str | None:
        """The full id of a parent, from 1; None: there is none. Raises `UnknownRevision` for another number."""
        if number == 1 and not self.parents:
            return None
        if not 1 <= number <= len(self.parents):
            raise UnknownRevision(f"parent {number}")
        return self.parents[number - 1].raw_id


def detailed(history: History, repository: Repository, revision: str) -> Detailed:
    """The changeset that a revision names; raises `UnknownRevision`."""

    def look(snapshot: Snapshot) -> Detailed:
        raw_id = snapshot.resolve(revision)
        (changeset,) = snapshot.changesets([raw_id])
        (details,) = snapshot.details([raw_id])
        above = [parent.raw_id for parent in changeset.parents[:MOST_NEIGHBOURS]]
        below = details.children[:MOST_NEIGHBOURS]
        found = [bounded(one) for one in snapshot.changesets([*above, *below])] if above or below else []
        return Detailed(
            bounded(changeset),
            details,
            snapshot.refs_at(raw_id),
            tuple(found[: len(above)]),
            tuple(found[len(above) :]),
        )

    return history.read(repository, look)


def identified(history: History, repository: Repository, revision: str) -> str:
    """The full id of the changeset that a revision names; raises `UnknownRevision`."""
    return history.read(repository, lambda snapshot: snapshot.resolve(revision))


def is_at_one_of(history: History, repository: Repository, raw_ids: Sequence[str], path: str) -> bool:
    """Whether a file or directory is called so at one of these commits at least, by their full ids."""

    def look(snapshot: Snapshot) -> bool:
        for raw_id in raw_ids:
            with contextlib.suppress(UnknownPath):
                snapshot.entry(raw_id, path)
                return True
        return False

    return history.read(repository, look)


def touches(history: History, repository: Repository, raw_id: str, path: str) -> bool:
    """Whether a changeset, by its full id, changes a file against one of its parents; the path as it can be typed."""

    def look(snapshot: Snapshot) -> bool:
        (changeset,) = snapshot.changesets([raw_id])
        # What stands for odd characters of a name (`typeable`) begins with a backslash: then it is looked for in all.
        wanted = DiffOptions(path="" if "\\" in path else path)
        before: list[str | None] = [parent.raw_id for parent in changeset.parents]
        return any(
            path in {typeable(name) for name in (one.old_path, one.new_path) if name is not None}
            for old in before or [None]
            for one in snapshot.differing(old, raw_id, wanted)
        )

    return history.read(repository, look)


def parents(history: History, repository: Repository, revision: str) -> list[Changeset]:
    """The changesets that one builds on, the first parent first."""
    return list(detailed(history, repository, revision).parents)


def children(history: History, repository: Repository, revision: str) -> list[Changeset]:
    """The changesets that build on one, as far as they are found cheaply."""
    return list(detailed(history, repository, revision).children)
