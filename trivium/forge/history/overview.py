# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first page of a repository tells of its history and its files, read at one moment (web.md 2.2, summary)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trivium.forge.history.listing import Listing, listing_in
from trivium.forge.history.pages import Logged, logged
from trivium.forge.history.places import Place, place_in
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.abilities import Lines
from trivium.vcs.errors import TooLarge, UnknownPath
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import EntryKind
from trivium.vcs.values import Layout, Names

RECENT: Final = 5
"""Changesets that are told."""
_TRUNK: Final = "trunk"


@dataclass(frozen=True, slots=True)
class Overview:
    """A repository at a glance."""

    place: Place
    """The root of the files at the landing revision; where branches are directories, the main one of them."""
    listing: Listing
    latest: Logged
    """The landing revision's changeset; where branches are directories, the one that changed this one last."""
    recent: tuple[Logged, ...]
    """The newest changesets, newest first, at most `RECENT`."""
    total: int
    """How many changesets there are."""
    branches: int
    tags: int
    bookmarks: int


def overview(history: History, repository: Repository, at: Moment) -> Overview | None:
    """All of it by one look; None when the repository has no commits."""
    abilities = history.site.back_ends[repository.kind].abilities

    def look(snapshot: Snapshot) -> Overview | None:
        if snapshot.is_empty():
            return None
        names = _names(snapshot)
        main = _TRUNK if abilities.lines is Lines.PATHS and _TRUNK in names.branches else ""
        found = _root(history, snapshot, repository, at, main)
        if found is None:
            main, found = "", _root(history, snapshot, repository, at, "")
        if found is None:
            return None
        recent = list(snapshot.page(None, None, RECENT))
        latest = names.branches[main] if main else found.raw_id
        rows = logged(snapshot, abilities, [latest, *recent])
        return Overview(
            place=found,
            listing=listing_in(snapshot, found),
            latest=rows[0],
            recent=rows[1:],
            total=snapshot.position(recent[0]) + 1,
            branches=len(names.branches),
            tags=len(names.tags.keys() - {"tip"}),
            bookmarks=len(names.bookmarks),
        )

    return history.read(repository, look, at)


def _root(history: History, snapshot: Snapshot, repository: Repository, at: Moment, path: str) -> Place | None:
    """The directory at a path of the landing revision, which may be older than the directory."""
    try:
        found = place_in(history, snapshot, repository, at, "", path)
    except UnknownPath:
        return None
    return found if found is not None and found.kind is EntryKind.DIRECTORY else None


def _names(snapshot: Snapshot) -> Names:
    try:
        return snapshot.names(Layout())
    except TooLarge:
        return Names({}, {}, {})
