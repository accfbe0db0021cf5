# SPDX-License-Identifier: GPL-3.0-or-later
"""All accounts, a page at a time, for administrators: searched by parts of names and addresses (system.md 2.8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from trivium.access.caller import Caller
from trivium.errors import Forbidden
from trivium.forge.naming import searching
from trivium.forge.naming.walks import PAGE, Listed, walk
from trivium.names import account_key_of
from trivium.store.tables import DEFAULT_USER_ID, users


class Which(StrEnum):
    """Which accounts are listed."""

    ALL = ""
    ACTIVE = "active"
    INACTIVE = "inactive"
    """Those that were disabled, or wait for an administrator."""
    ADMINS = "admins"


class Sort(StrEnum):
    """The order of the list."""

    NAME = "name"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A row of the list."""

    id: int
    username: str
    firstname: str
    lastname: str
    email: str | None
    active: bool
    admin: bool
    extern_type: str
    last_activity: str | None


_table = users.c
_ROWS: Final = select(
    *(_table.id, _table.username, _table.firstname, _table.lastname, _table.email, _table.active, _table.admin),
    *(_table.extern_type, _table.last_activity, _table.username_key),
).where(_table.id != DEFAULT_USER_ID)
_CONDITIONS: Final[dict[Which, tuple[Any, ...]]] = {
    Which.ALL: (),
    Which.ACTIVE: (_table.active,),
    Which.INACTIVE: (~_table.active,),
    Which.ADMINS: (_table.admin,),
}


def page(
    db: Connection,
    caller: Caller,
    *,
    query: str = "",
    which: Which = Which.ALL,
    sort: Sort = Sort.NAME,
    after: str = "",
    before: str = "",
    limit: int = PAGE,
) -> Listed[ListedUser]:
    """Accounts but `default`: two statements at most, whatever there is.

    Raises `Forbidden` for others than super-admins.
    """
    if not caller.super_admin:
        raise Forbidden
    words = searching.words_of(query, key=account_key_of)
    if words is None:
        return Listed((), "", "")
    statement = _ROWS.where(*_CONDITIONS[which], *searching.having(db, searching.USERS, words))
    key, descending = (_table.id, True) if sort is Sort.NEWEST else (_table.username_key, False)
    found = walk(db, statement, key, descending=descending, after=after, before=before, limit=limit)
    return Listed([ListedUser(*row[:9]) for row in found.rows], found.newer, found.older)
