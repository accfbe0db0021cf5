# SPDX-License-Identifier: GPL-3.0-or-later
"""Search in the repositories of a site that somebody may read: those that changed last, as far as there is time.

To look into fifty thousand repositories would take minutes. So a search of paths or changesets looks into some, says
how many these were, and can be led to others by their names (`Sought.repository`). Rights are asked in the statement
that lists the repositories, and hits are told only of those.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from trivium.access.caller import Caller
from trivium.forge.history.reading import History
from trivium.forge.history.search import ChangesetHits, PathHits, Sought, changesets, paths
from trivium.forge.repositories import finding
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.listed import ListedRepository
from trivium.forge.repositories.pages import page
from trivium.vcs.budget import Unwanted
from trivium.vcs.errors import VcsError

MOST_REPOSITORIES: Final = 20
"""Repositories that one search looks into."""
OF_EACH: Final = 5
"""Hits of one repository that are told."""
_MOST_CHANGESETS: Final = 2_000
"""Changesets of one repository that are looked at."""
_SECONDS: Final = 5.0
_OF_ONE: Final = 1.0
"""Seconds that the changesets of one repository may take."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InRepository(Generic[T]):
    """What was found in one repository."""

    repository: ListedRepository
    hits: T


@dataclass(frozen=True, slots=True)
class Everywhere(Generic[T]):
    """What was found in some repositories of the site."""

    found: Sequence[InRepository[T]]
    """In those that have hits, what changed last first."""
    looked_into: int
    """Repositories, with and without hits."""
    more: bool
    """Whether there are others that the caller may read and that are wanted."""


def paths_everywhere(history: History, caller: Caller, sought: Sought) -> Everywhere[PathHits]:
    """Files with these words in their paths; as `search.paths`. May raise `BeingMade`."""
    return _everywhere(
        history,
        caller,
        sought,
        lambda repository: paths(history, repository, sought, limit=OF_EACH),
        lambda hits: hits.count > 0,
    )


def changesets_everywhere(history: History, caller: Caller, sought: Sought) -> Everywhere[ChangesetHits]:
    """Changesets with these words in their message or author; as `search.changesets`."""

    def look(repository: Repository) -> ChangesetHits:
        return changesets(history, repository, sought, limit=OF_EACH, most=_MOST_CHANGESETS, seconds=_OF_ONE)

    return _everywhere(history, caller, sought, look, lambda hits: bool(hits.rows))


def _everywhere(
    history: History, caller: Caller, sought: Sought, look: Callable[[Repository], T], has_hits: Callable[[T], bool]
) -> Everywhere[T]:
    if not sought.anything:
        return Everywhere((), 0, more=False)
    with history.site.store.read() as db:
        listed = page(db, caller, query=sought.repository, kind=sought.kind, limit=MOST_REPOSITORIES)
        readable = finding.readable_by_ids(db, caller, [one.id for one in listed.rows])
    end = time.monotonic() + _SECONDS
    found: list[InRepository[T]] = []
    looked_into, left_out = 0, False
    for one in listed.rows:
        if time.monotonic() > end:
            left_out = True
            break
        if one.id not in readable:
            continue
        try:
            hits = look(readable[one.id])
        except Unwanted:
            raise
        except VcsError:  # it is being moved, or is broken: the others can be searched all the same
            left_out = True
            continue
        looked_into += 1
        if has_hits(hits):
            found.append(InRepository(one, hits))
    return Everywhere(found, looked_into, more=left_out or listed.older is not None)
