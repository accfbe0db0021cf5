# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything has changed since a decision about a repository, told by one short statement.

Decisions rest on accounts, keys, rights, and on the repository: its name, its settings, and the lock that users see.
While `access_stamp.version` stays the same (`access.stamps`), none of these changes, except the lock: a push releases
it without another stamp. What was decided about a repository that was found stands longer, as long as
`access_stamp.standing` does: another repository that is created is none of its business.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, true

from trivium.store.query import Query
from trivium.store.tables import access_stamp, repositories, repository_locks

_STATE = Query(select(access_stamp.c.version))
_STANDING = Query(
    select(access_stamp.c.standing, repository_locks.c.user_id).select_from(
        access_stamp.outerjoin(repository_locks, repository_locks.c.repository_id == bindparam("repository_id"))
    )
)


_PRESENT = Query(
    select(
        access_stamp.c.version,
        repository_locks.c.user_id,
        repository_locks.c.locked_on,
        repository_locks.c.reason,
        repositories.c.updated_on,
        repositories.c.history_state,
        repositories.c.last_changeset,
    )
    .select_from(
        repositories.join(access_stamp, true()).outerjoin(
            repository_locks, repository_locks.c.repository_id == repositories.c.id
        )
    )
    .where(repositories.c.id == bindparam("repository_id"))
)


class State(NamedTuple):
    """What a refusal rests on, and whatever tells which repositories there are."""

    version: int
    """Of all accounts, rights and repositories."""


class Standing(NamedTuple):
    """What a decision about a repository rests on: while this is the same, it stands, and so does the name."""

    stamp: int
    """Of all accounts, and of all rights and repositories that were there when it was decided."""
    holder: int | None
    """Who holds the lock of the repository that users see."""


def state_of(db: Connection) -> State:
    """The present state of everything but locks."""
    found = _STATE.first(db, {})
    assert found is not None
    return State(*found)


def standing_of(db: Connection, repository_id: int = 0) -> Standing:
    """The present state of what there is, and of a repository's lock."""
    found = _STANDING.first(db, {"repository_id": repository_id})
    assert found is not None
    return Standing(*found)


class Present(NamedTuple):
    """What a repository looks like, and to whom, rests on: while this is the same, its row and all rights are the
    same. The lock, and what a push changes, alter without another stamp.
    """

    version: int
    holder: int | None
    locked_on: int | None
    lock_reason: str | None
    updated_on: str
    history_state: str
    last_changeset: str


def present_of(db: Connection, repository_id: int) -> Present | None:
    """The present state of a repository and of all rights; None when it is gone."""
    found = _PRESENT.first(db, {"repository_id": repository_id})
    return None if found is None else Present(*found)
