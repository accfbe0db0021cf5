# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as users read it: what they did themselves, or for super-admins what others did (api-reviews.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, case, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, binds, effective_level
from trivium.store.tables import journal, repositories


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the journal as somebody may see it."""

    action: str
    at: str
    address: str
    repository: str | None
    """The present name of the repository; None without one, and when the reader may not read it."""
    detail: Any
    """What was noted; empty when the reader may not read the repository that it is about."""


_OF_USER = (
    select(
        journal.c.id,
        journal.c.action,
        journal.c.at,
        journal.c.address,
        journal.c.repository_id,
        journal.c.detail,
        case((effective_level(REPOSITORIES) >= int(Level.READ), repositories.c.name), else_=None).label("name"),
    )
    .select_from(journal.outerjoin(repositories, repositories.c.id == journal.c.repository_id))
    .where(journal.c.user_id == bindparam("whose"))
    .order_by(journal.c.id.desc())
)
_LATEST: Final = _OF_USER.limit(bindparam("most"))
_BEFORE: Final = _OF_USER.where(journal.c.at < bindparam("before")).limit(bindparam("most"))
_SAME_MOMENT: Final = _OF_USER.where(journal.c.at == bindparam("before"), journal.c.id < bindparam("last"))


def of_user(db: Connection, caller: Caller, user_id: int, *, limit: int, before: str | None = None) -> list[Entry]:
    """What a user did, newest first: at most `limit` rows of the time before the moment `before`.

    A list never ends in the middle of a moment, so that the next one can begin there.
    """
    whose = binds(caller) | {"whose": user_id, "most": limit}
    statement = _LATEST if before is None else _BEFORE
    rows = db.execute(statement, whose | {"before": before}).all()
    if rows and len(rows) == limit:
        last = rows[-1]
        rows = [*rows, *db.execute(_SAME_MOMENT, whose | {"before": last.at, "last": last.id}).all()]
    return [
        Entry(
            row.action,
            row.at,
            row.address,
            row.name,
            {} if row.repository_id is not None and row.name is None else msgspec.json.decode(row.detail),
        )
        for row in rows
    ]
