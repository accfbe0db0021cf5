# SPDX-License-Identifier: GPL-3.0-or-later
"""What a search has found, as pages show it (web.md 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from markupsafe import Markup

from trivium.forge.history import search
from trivium.forge.history.listing import Change
from trivium.forge.history.search import ChangesetHits, PathHits, Sought
from trivium.forge.history.site_search import InRepository
from trivium.forge.repositories.listed import ListedRepository
from trivium.web import ids
from trivium.web.showing import log
from trivium.web.showing.issues import issues_of
from trivium.web.showing.keeping import kept
from trivium.web.templating import html
from trivium.web.urls import quoted, quoted_segment
from trivium.web.visit import RepositoryVisit, Visit


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found in one of several repositories."""

    repository: ListedRepository
    paths: Sequence[tuple[str, str]] = ()
    """With their addresses."""
    changes: Sequence[tuple[str, Change]] = ()
    """With their ids as they are shown."""
    more: bool = False
    """Whether its own page has others."""


def paths(visit: Visit, one: InRepository[PathHits]) -> Hits:
    """Paths of one of several repositories."""
    hits = one.hits
    return Hits(one.repository, addressed(visit, one.repository.name, hits), more=hits.count > len(hits.paths))


def addressed(visit: Visit, name: str, hits: PathHits) -> list[tuple[str, str]]:
    """Paths with the addresses of their pages."""
    start = f"{visit.urls.repository(name)}/files/{quoted_segment(hits.name)}/"
    return [(path, start + quoted(path)) for path in hits.paths]


def changesets(visit: Visit, one: InRepository[ChangesetHits]) -> Hits:
    """Changesets of one of several repositories."""
    numbers, look = visit.site.back_ends[one.repository.kind].abilities.numbers, visit.look
    changes = (row.change for row in one.hits.rows)
    shown = [(ids.shown(look, numbers, change.raw_id, change.number), change) for change in changes]
    return Hits(one.repository, changes=shown, more=bool(one.hits.after))


class LogHits(msgspec.Struct, frozen=True):
    """Changesets of one repository as rows, with how far the search came."""

    rows: str
    """HTML."""
    count: int
    after: str
    looked_at: int
    until: str
    """As `ChangesetHits`."""


def log_of(visit: RepositoryVisit, sought: Sought, after: str, branch: str = "") -> tuple[Markup, LogHits]:
    """The changesets of a repository, or of a branch of it, that are sought, as rows of its history."""

    def make() -> LogHits:
        found = search.changesets(visit.history, visit.repository, sought, branch=branch, after=after)
        rows = log.summary(visit, found.rows)
        return LogHits(rows, len(found.rows), found.after, found.looked_at, found.until)

    key = visit.part_key(
        "changesets sought",
        visit.now().key,
        visit.root,
        issues_of(visit).digest,
        sought.words,
        sought.paths,
        quoted_segment(after),
        quoted_segment(branch),
    )
    hits: LogHits = kept(visit, LogHits, *key, make=make)
    return html(hits.rows), hits
