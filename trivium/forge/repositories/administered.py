# SPDX-License-Identifier: GPL-3.0-or-later
"""The repositories that somebody administers, a page at a time (system.md 2.8)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, binds, candidates, effective_level
from trivium.forge.naming.searching import matching, words_of
from trivium.forge.naming.walks import PAGE, Listed, walk
from trivium.forge.repositories import pages
from trivium.forge.repositories.listed import ROWS, ListedRepository, listed_of
from trivium.forge.repositories.pages import Sort
from trivium.names import key_of
from trivium.store.tables import repositories

_ADMINISTERED: Final = ROWS.where(
    repositories.c.id.in_(candidates(REPOSITORIES, Level.ADMIN)), effective_level(REPOSITORIES) >= int(Level.ADMIN)
)


def page(
    db: Connection,
    caller: Caller,
    *,
    query: str = "",
    kind: str = "",
    after: str = "",
    before: str = "",
    limit: int = PAGE,
) -> Listed[ListedRepository]:
    """The repositories that the caller administers, by name: two statements at most."""
    if caller.super_admin:
        every = {"query": query, "kind": kind, "after": after, "before": before, "limit": limit}
        found = pages.page(db, caller, sort=Sort.NAME, **every)  # type: ignore[arg-type]
        return Listed(found.rows, found.newer or "", found.older or "")
    words = words_of(query, key=key_of)
    if words is None:
        return Listed((), "", "")
    statement = _ADMINISTERED.where(*(repositories.c.name_key.like(matching(word), escape="\\") for word in words))
    if kind:
        statement = statement.where(repositories.c.kind == kind)
    rows = walk(db, statement, repositories.c.name_key, given=binds(caller), after=after, before=before, limit=limit)
    return Listed([listed_of(tuple(row)) for row in rows.rows], rows.newer, rows.older)
