# SPDX-License-Identifier: GPL-3.0-or-later
"""Changesets are selected: from one to another, within dates, on a branch (api-reviews.md 7, get_changesets)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from trivium.errors import Invalid
from trivium.forge.history.asked import TooMany
from trivium.forge.history.reading import Commit, History
from trivium.forge.repositories.finding import Repository
from trivium.vcs.abilities import Lines
from trivium.vcs.errors import UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Changeset

_AT_A_TIME: Final = 500
_MOST_EXAMINED: Final = 200_000
"""Changesets that are looked at for one answer."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which changesets are asked for."""

    start: str | None
    end: str | None
    """Both are included; None stands for the oldest and the youngest."""
    since: str
    until: str
    """Moments as `Changeset.date` has them, both included."""
    branch: str | None
    reverse: bool
    count: int | None


def selected(history: History, repository: Repository, wanted: Selection, *, with_files: bool) -> list[Commit]:
    """The changesets, oldest first unless they are wanted in reverse; on request with the files that each changed.

    Raises `UnknownRevision`, `TooMany` (max_api_items, max_api_answer), and `Invalid` where too many would have to be
    looked at.
    """
    settings = history.site.settings
    lines = history.site.back_ends[repository.kind].abilities.lines

    def look(snapshot: Snapshot) -> list[Commit]:
        found = _bounded(_found(snapshot, lines, wanted), settings.max_api_items, settings.max_api_answer)
        if not with_files:
            return [Commit(changeset) for changeset in found]
        changes = snapshot.changes([changeset.raw_id for changeset in found], None)
        return [Commit(changeset, tuple(changed)) for changeset, changed in zip(found, changes, strict=True)]

    return history.read(repository, look)


def _found(snapshot: Snapshot, lines: Lines, wanted: Selection) -> Iterator[Changeset]:
    if snapshot.is_empty():
        return
    first = 0 if wanted.start is None else snapshot.start(wanted.start)
    last = snapshot.position(snapshot.resolve(wanted.end or "tip"))
    on_branch = _branch(snapshot, lines, wanted.branch)
    count = 0
    for ids in _slices(snapshot, first, last, reverse=wanted.reverse):
        for changeset in snapshot.changesets(ids):
            if count == wanted.count:
                return
            if wanted.since <= changeset.date <= wanted.until and on_branch(changeset):
                count += 1
                yield changeset


def _slices(snapshot: Snapshot, first: int, last: int, *, reverse: bool) -> Iterator[list[str]]:
    """The ids of a part of the list of changesets, some at a time."""
    if last - first >= _MOST_EXAMINED:
        raise Invalid(f"more than {_MOST_EXAMINED} changesets would have to be looked at")
    starts = range(first, last + 1, _AT_A_TIME)
    for at in reversed(starts) if reverse else starts:
        ids = list(snapshot.ids(at, min(_AT_A_TIME, last + 1 - at)))
        yield ids[::-1] if reverse else ids


def _branch(snapshot: Snapshot, lines: Lines, name: str | None) -> Callable[[Changeset], bool]:
    """A test whether a changeset is on a branch: it names the branch itself, or leads to the head of the branch."""
    if name is None:
        return lambda _: True
    names = snapshot.names()
    head = names.branches.get(name) or names.closed.get(name)
    if head is None:
        raise UnknownRevision(name)
    if lines is Lines.NAMED:
        return lambda changeset: changeset.branch == name
    ids = frozenset(snapshot.path_history(head, "", 0, _MOST_EXAMINED))
    if len(ids) == _MOST_EXAMINED:
        raise Invalid(f"the branch has more than {_MOST_EXAMINED} commits")
    return lambda changeset: changeset.raw_id in ids


def _bounded(found: Iterator[Changeset], most: int, most_bytes: int) -> list[Changeset]:
    kept: list[Changeset] = []
    for changeset in found:
        most_bytes -= len(changeset.message)
        if len(kept) == most or most_bytes < 0:
            raise TooMany(f"more than {most} changesets at once (max_api_items)")
        kept.append(changeset)
    return kept
