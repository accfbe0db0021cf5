# SPDX-License-Identifier: GPL-3.0-or-later
"""The history a page at a time: of everything, of a branch, of a path; newest first (system.md 2.3).

A page costs the same wherever it is and however long the history: the list of all changesets is read by position, that
of a branch goes on behind the last changeset of the page before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trivium.forge.history.listing import Change, change_of
from trivium.forge.history.locating import located
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.abilities import Abilities, Lines
from trivium.vcs.errors import UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import CommitDetails, DiffOptions, Op

SIZE: Final = 50
"""Changesets of a page."""
LARGEST: Final = 200
_MOST_NUMBERED: Final = 20_000
"""Changesets of a branch or a path that are counted to find a page by its number; those behind need a key."""
_MOST_NAMES: Final = 12
"""Names of one kind at one changeset that are told."""
_MOST_PARENTS: Final = 16
MOST_FILES: Final = 200
"""Files of one changeset that are told."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A changeset in the history."""

    change: Change
    parents: tuple[str, ...] = ()
    """Full ids."""
    branch: str = ""
    """The branch that the changeset says it is on (`Lines.NAMED`)."""
    branches: tuple[str, ...] = ()
    """Branches that end here."""
    bookmarks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    phase: str = ""
    """As `CommitDetails.phase`."""
    closes_branch: bool = False


@dataclass(frozen=True, slots=True)
class LogPage:
    """A part of the history."""

    rows: tuple[Logged, ...]
    number: int
    """From 1; with a key it is what the caller says."""
    more: bool
    """Whether there are older ones."""
    total: int | None = None
    """How many there are in all, where that is known without counting."""

    @property
    def after(self) -> str:
        """The key of the next page."""
        return self.rows[-1].change.raw_id if self.more and self.rows else ""


@dataclass(frozen=True, slots=True)
class Touched:
    """A file that a changeset changed."""

    op: Op
    path: str
    old_path: str
    """Where it was before, if that was elsewhere."""


def log(
    history: History,
    repository: Repository,
    *,
    branch: str = "",
    number: int = 1,
    after: str = "",
    size: int = SIZE,
    at: Moment | None = None,
) -> LogPage:
    """A page of the whole history, or of a branch: by its number from 1, or behind the changeset `after`.

    A page that lies behind the end is the last one, or empty where only a key leads there. Raises `UnknownRevision`.
    """
    abilities = history.site.back_ends[repository.kind].abilities

    def look(snapshot: Snapshot) -> LogPage:
        if snapshot.is_empty():
            return LogPage((), 1, more=False, total=0)
        key = snapshot.resolve(after) if after else None
        if branch:
            ids, page, total = _of_branch(snapshot, branch, number, key, size + 1), number, None
        else:
            total = snapshot.position(snapshot.page(None, None, 1)[0]) + 1
            ids, page = _of_all(snapshot, total, number, key, size)
        return LogPage(logged(snapshot, abilities, ids[:size]), page, len(ids) > size, total)

    return history.read(repository, look, at)


def _of_all(snapshot: Snapshot, total: int, number: int, key: str | None, size: int) -> tuple[Sequence[str], int]:
    """Ids of a page, and one more if there is one; and the number of the page."""
    if key is not None:
        return snapshot.page(None, key, size + 1), number
    number = min(number, max(1, -(-total // size)))
    end = total - (number - 1) * size
    start = max(0, end - size - 1)
    return list(reversed(snapshot.ids(start, end - start))), number


def _of_branch(snapshot: Snapshot, branch: str, number: int, key: str | None, limit: int) -> Sequence[str]:
    if key is None and number > 1:
        passed = (number - 1) * (limit - 1)
        before = branch_ids(snapshot, branch, None, passed) if passed <= _MOST_NUMBERED else []
        if len(before) < passed:
            return []
        key = before[-1]
    return branch_ids(snapshot, branch, key, limit)


def branch_ids(snapshot: Snapshot, branch: str, key: str | None, limit: int) -> Sequence[str]:
    """Ids of a branch, newest first, from behind `key` on; raises `UnknownRevision`."""
    try:
        return snapshot.branch_page(branch, key, limit)
    except UnknownRevision:
        # A bookmark, a tag, an id: what it leads to.
        return snapshot.page(snapshot.resolve(branch), key, limit)


@dataclass(frozen=True, slots=True)
class PathLog:
    """A part of the history of a path."""

    page: LogPage
    raw_id: str
    """The commit from which on it is told."""
    name: str
    """What the address calls that."""
    path: str


def log_of_path(
    history: History, repository: Repository, revision: str, path: str, *, number: int = 1, size: int = SIZE
) -> PathLog:
    """A page of what touched a path, from a revision backwards; raises `UnknownRevision` and `UnknownPath`.

    Without a path it is what the revision leads to.
    """
    abilities = history.site.back_ends[repository.kind].abilities

    def look(snapshot: Snapshot) -> PathLog:
        raw_id, rest = located(snapshot, revision, path)
        name = revision if rest == path else f"{revision}/{path}"[: -len(rest) - 1] if rest else f"{revision}/{path}"
        start = (number - 1) * size
        if start > _MOST_NUMBERED:
            ids: Sequence[str] = []
        elif rest:
            ids = snapshot.path_history(raw_id, rest, start, size + 1)
        else:
            ids = snapshot.page(raw_id, None, start + size + 1)[start:]
        return PathLog(LogPage(logged(snapshot, abilities, ids[:size]), number, len(ids) > size), raw_id, name, rest)

    return history.read(repository, look)


def logged(snapshot: Snapshot, abilities: Abilities, ids: Sequence[str]) -> tuple[Logged, ...]:
    """Changesets of an open repository as the history shows them."""
    if not ids:
        return ()
    # Only where a system says more of a changeset than who made it: Git would look for the children of each.
    details = {one.raw_id: one for one in snapshot.details(ids)} if abilities.phases else {}
    nothing = CommitDetails("", "", "", "", "")
    heads = snapshot.names().branches if abilities.lines is Lines.NAMED else {}
    found = []
    for changeset in snapshot.changesets(ids):
        raw_id = changeset.raw_id
        refs = snapshot.refs_at(raw_id)
        more = details.get(raw_id, nothing)
        named = abilities.lines is Lines.NAMED
        branches = [name for name in refs.branches if not named or heads.get(name) == raw_id]
        found.append(
            Logged(
                change=change_of(changeset),
                parents=tuple(parent.raw_id for parent in changeset.parents[:_MOST_PARENTS]),
                branch=(changeset.branch or "") if named else "",
                branches=tuple(branches[:_MOST_NAMES]),
                bookmarks=refs.bookmarks[:_MOST_NAMES],
                tags=tuple(name for name in refs.tags if name != "tip")[:_MOST_NAMES],
                phase=more.phase,
                closes_branch=more.closes_branch,
            )
        )
    return tuple(found)


def touched_files(history: History, repository: Repository, revision: str) -> tuple[Sequence[Touched], int]:
    """The files that a changeset changed against its first parent, at most `MOST_FILES`, and how many there are.

    Raises `UnknownRevision`.
    """

    def look(snapshot: Snapshot) -> tuple[Sequence[Touched], int]:
        raw_id = snapshot.resolve(revision)
        (changeset,) = snapshot.changesets([raw_id])
        old = changeset.parents[0].raw_id if changeset.parents else None
        found = snapshot.differing(old, raw_id, DiffOptions())
        told = []
        for one in found[:MOST_FILES]:
            moved = one.old_path is not None and one.old_path != one.path
            told.append(Touched(one.op, one.path, (one.old_path or "") if moved else ""))
        return told, len(found)

    return history.read(repository, look)
