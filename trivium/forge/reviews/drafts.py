# SPDX-License-Identifier: GPL-3.0-or-later
"""Comments that somebody has written on a changeset and not sent (web.md 2.2).

Nobody but their author sees them, and nobody hears of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid, Kind, NotFound
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews.comments import NOTE, Place, check_kind, check_text
from trivium.forge.site import Site
from trivium.store.engine import insert_id
from trivium.store.query import Query
from trivium.store.tables import comment_drafts as table
from trivium.store.tables import now

_MOST: Final = 100
"""Of one author on one changeset."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A comment that was not sent."""

    id: int
    text: str
    place: Place | None
    created_on: str
    kind: str = NOTE


_OF = (
    table.c.user_id == bindparam("author"),
    table.c.repository_id == bindparam("repository"),
    table.c.revision == bindparam("raw_id"),
)
_COLUMNS = (table.c.id, table.c.text, table.c.path, table.c.line, table.c.created_on, table.c.kind)
_DRAFTS: Final = Query(select(*_COLUMNS).where(*_OF).order_by(table.c.id))


def drafts(db: Connection, caller: Caller, repository: Repository, raw_id: str) -> list[Draft]:
    """The caller's drafts on a changeset by its full id, oldest first."""
    if caller.anonymous:
        return []
    rows = _DRAFTS.all(db, {"author": caller.user_id, "repository": repository.id, "raw_id": raw_id})
    return [_draft(*row) for row in rows]


def keep(
    site: Site,
    caller: Caller,
    repository: Repository,
    raw_id: str,
    text: str,
    place: Place | None,
    kind: str = NOTE,
) -> int:
    """Keep a comment until it is sent; returns the id of the draft. Raises `Invalid`."""
    check_text(site, text)
    check_kind(kind)
    given = {"author": caller.user_id, "repository": repository.id, "raw_id": raw_id}
    with site.store.write(access_unchanged=True) as db:
        repositories.find(db, caller, repository.id, Level.READ)
        if db.execute(select(func.count()).select_from(table).where(*_OF), given).scalar_one() >= _MOST:
            raise Invalid("There are %(most)s drafts here already: send some of them.", about="text", most=_MOST)
        return insert_id(
            db,
            table,
            user_id=caller.user_id,
            repository_id=repository.id,
            revision=raw_id,
            text=text,
            path=place.path if place else None,
            line=place.line if place else None,
            created_on=now(),
            kind=kind,
        )


def forget(site: Site, caller: Caller, repository: Repository, draft_id: int) -> str:
    """Throw a draft of the caller away; returns the full id of its changeset. Raises `NotFound`."""
    mine = (table.c.id == draft_id, table.c.user_id == caller.user_id, table.c.repository_id == repository.id)
    with site.store.write(access_unchanged=True) as db:
        revision = db.execute(delete(table).where(*mine).returning(table.c.revision)).scalar()
    if revision is None:
        raise NotFound(Kind.COMMENT, draft_id)
    return str(revision)


def take(db: Connection, caller: Caller, repository: Repository, raw_id: str) -> list[Draft]:
    """Remove the caller's drafts on a changeset, oldest first, to be sent in this transaction.

    Of two transactions that take them at once one gets them.
    """
    given = {"author": caller.user_id, "repository": repository.id, "raw_id": raw_id}
    rows = db.execute(delete(table).where(*_OF).returning(*_COLUMNS), given).all()
    return sorted((_draft(*row) for row in rows), key=lambda draft: draft.id)


def _draft(draft_id: int, text: str, path: str | None, line: str | None, created_on: str, kind: str) -> Draft:
    place = None if path is None or line is None else Place(path, line)
    return Draft(draft_id, text, place, created_on, kind)
