# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything has changed since a decision about a repository, told by one short statement.

Decisions rest on accounts, keys, rights, and on the repository: its name, its settings, and the lock that users see.
While `access_stamp.version` stays the same (`access.stamps`), none of these changes, except the lock: a push releases
it without another stamp.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, select

from trivium.store.query import Query
from trivium.store.tables import access_stamp, repository_locks

_NO_REPOSITORY: Final = 0

_STATE = Query(
    select(access_stamp.c.version, repository_locks.c.user_id).select_from(
        access_stamp.outerjoin(repository_locks, repository_locks.c.repository_id == bindparam("repository_id"))
    )
)


class State(NamedTuple):
    """What a decision rests on: while this is the same, the decision stands and the repository keeps its name."""

    version: int
    """Of all accounts, rights and repositories."""
    holder: int | None = None
    """Who holds the lock of the repository that users see."""


def state_of(db: Connection, repository_id: int = _NO_REPOSITORY) -> State:
    """The present state of everything, and of a repository's lock."""
    found = _STATE.first(db, {"repository_id": repository_id})
    assert found is not None
    return State(*found)
