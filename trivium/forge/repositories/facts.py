# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first page of a repository tells beside its history: counts and extra fields (web.md 2.2, summary)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, func, literal, select

from trivium.access.caller import Caller
from trivium.access.permissions import binds
from trivium.forge.repositories.listed import READABLE
from trivium.store.query import Query
from trivium.store.tables import repositories, repository_fields, repository_followers


@dataclass(frozen=True, slots=True)
class Facts:
    """What hangs on a repository."""

    forks: int
    """Those that the caller may read."""
    followers: int
    followed: bool
    """Whether the caller is one of them; nobody follows as a visitor."""
    fields: tuple[tuple[str, str], ...]
    """Label and value of the extra fields that have a value, in the order in which they were made."""


_here: Any = bindparam("repository")
_forks = (
    select(func.count()).select_from(repositories).where(repositories.c.fork_of_id == _here, READABLE).scalar_subquery()
)
_followers = select(func.count()).where(repository_followers.c.repository_id == _here).scalar_subquery()
_followed = (
    exists()
    .where(repository_followers.c.repository_id == _here, repository_followers.c.user_id == bindparam("follower"))
    .label("followed")
)
_one = select(literal(1).label("one")).subquery("one")
_fields = repository_fields.c
_FACTS: Final = Query(
    select(_forks.label("forks"), _followers.label("followers"), _followed, _fields.label, _fields.value)
    .select_from(_one.outerjoin(repository_fields, _fields.repository_id == _here))
    .order_by(_fields.id)
)


def facts(db: Connection, caller: Caller, repository_id: int) -> Facts:
    """The facts of a repository that the caller was found to read: one statement."""
    rows = _FACTS.all(db, binds(caller) | {"repository": repository_id, "follower": caller.user_id})
    forks, followers, followed, _, _ = rows[0]
    fields = tuple((row[-2], row[-1]) for row in rows if row[-1])
    return Facts(forks, followers, bool(followed) and not caller.anonymous, fields)
