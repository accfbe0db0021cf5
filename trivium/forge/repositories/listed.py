# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository as lists of pages show it: one row of a statement, and what is made of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec
from sqlalchemy import Connection, Integer, bindparam, func, select, type_coerce

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, binds, effective_level
from trivium.store.query import Query, Values
from trivium.store.tables import repositories, repository_locks, users, visits

_LONGEST_DESCRIPTION: Final = 500
"""Characters of a description that a list shows."""
_LONGEST_SUBJECT: Final = 200
_VISITS_SHOWN: Final = 8


class LastChange(msgspec.Struct, frozen=True, gc=False):
    """The last changeset of a repository, as lists show it."""

    raw_id: str
    short_id: str
    subject: str
    """The first line of its message, at most 200 characters."""
    author: str
    date: str
    """ISO 8601, UTC, without zone."""


class ListedRepository(msgspec.Struct, frozen=True, gc=False):
    """A repository as lists show it."""

    id: int
    name: str
    """The full name with groups."""
    kind: str
    private: bool
    archived: bool
    locked: bool
    """Whether somebody holds the lock that users see."""
    description: str
    """At most 500 characters of it."""
    owner: str
    updated_on: str
    level: int
    """What the caller may do with it, a `Level`."""
    last: LastChange | None
    """None while it is empty."""


class _Stored(msgspec.Struct):
    """What is read of a stored changeset."""

    raw_id: str
    short_id: str
    revision: int
    author: str
    date: str
    message: str


_level = effective_level(REPOSITORIES)
_table = repositories.c
_columns = (
    _table.id,
    _table.name,
    _table.kind,
    # As numbers, where they are: to convert them costs more than to read the row.
    type_coerce(_table.private, Integer).label("private"),
    type_coerce(_table.archived, Integer).label("archived"),
    type_coerce(repository_locks.c.user_id.is_not(None), Integer).label("locked"),
    func.substr(_table.description, 1, _LONGEST_DESCRIPTION),
    users.c.username,
    _table.updated_on,
    _level.label("level"),
    _table.last_changeset,
    _table.name_key,
)
UPDATED_ON_AT: Final = 8
"""Where in a row of `ROWS` the moment of its last change stands; the id is its first value and the key of its name the
last."""
ROWS: Final = select(*_columns).select_from(
    repositories.join(users, users.c.id == _table.owner_id).outerjoin(
        repository_locks, repository_locks.c.repository_id == _table.id
    )
)
"""Repositories that are not decided about yet: statements add `READABLE`, and the values of `binds`."""
READABLE: Final = _level >= int(Level.READ)
"""That the caller may read a repository."""

_VISITED: Final = Query(
    ROWS.join(visits, visits.c.repository_id == _table.id)
    .where(visits.c.user_id == bindparam("visitor"), READABLE)
    .order_by(visits.c.visited_on.desc(), _table.id)
    .limit(_VISITS_SHOWN)
)


@lru_cache(maxsize=2048)
def listed_of(row: Values) -> ListedRepository:
    """The repository in a row of `ROWS`; remembered, because first pages have the same rows again and again."""
    repository_id, name, kind, private, archived, locked, description, owner, updated_on, level, last, _ = row
    return ListedRepository(
        repository_id,
        name,
        kind,
        bool(private),
        bool(archived),
        bool(locked),
        description,
        owner,
        updated_on,
        level,
        _last(last),
    )


def visited(db: Connection, caller: Caller) -> list[ListedRepository]:
    """What the caller looked at last in pages, and may read: at most eight, in that order (`upkeep.activity`)."""
    if caller.anonymous:
        return []
    return [listed_of(row) for row in _VISITED.all(db, binds(caller) | {"visitor": caller.user_id})]


def _last(stored: str) -> LastChange | None:
    found = msgspec.json.decode(stored, type=_Stored)
    if found.revision < 0:
        return None
    subject = found.message.strip().partition("\n")[0].strip()
    return LastChange(found.raw_id, found.short_id, subject[:_LONGEST_SUBJECT], found.author, found.date)
