# SPDX-License-Identifier: GPL-3.0-or-later
"""Which review status changesets have: of each the newest that somebody gave it (system.md 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, exists, literal, select

from trivium.access.caller import Caller
from trivium.forge.repositories.finding import Repository
from trivium.store.query import Query
from trivium.store.tables import changeset_comments

_table = changeset_comments.c
_AT_A_TIME: Final = (1, 50)
"""Ids that one statement asks for; a page shows one, or fifty."""


def _of_some(count: int) -> Query:
    return Query(
        select(_table.revision, _table.status)
        .where(
            _table.repository_id == bindparam("repository"),
            _table.revision.in_([bindparam(f"id{number}") for number in range(count)]),
            _table.status.is_not(None),
            _table.deleted_on.is_(None),
        )
        .order_by(_table.id)
    )


_ANY: Final = Query(select(literal(1)).where(exists().where(_table.repository_id == bindparam("repository"))))
"""Whether anything was said in a repository: where nothing was, fifty ids need not be looked for."""
_OF_SOME: Final = {count: _of_some(count) for count in _AT_A_TIME}


def statuses(db: Connection, _caller: Caller, repository: Repository, raw_ids: Sequence[str]) -> dict[str, str]:
    """Full id → status, of those that have one: a statement for fifty. Who may read the repository may read this."""
    found: dict[str, str] = {}
    one, many = _AT_A_TIME
    if len(raw_ids) > one and _ANY.first(db, {"repository": repository.id}) is None:
        return found
    for start in range(0, len(raw_ids), many):
        some = raw_ids[start : start + many]
        count = one if len(some) == one else many
        ids = {f"id{number}": some[number] if number < len(some) else "" for number in range(count)}
        rows = _OF_SOME[count].all(db, ids | {"repository": repository.id})
        found |= {str(revision): str(status) for revision, status in rows}
    return found
