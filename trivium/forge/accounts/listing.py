# SPDX-License-Identifier: GPL-3.0-or-later
"""All accounts, a page at a time, for administrators: searched by parts of names and addresses (system.md 2.8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import Connection, func, select

from trivium.access.caller import Caller
from trivium.errors import Forbidden
from trivium.forge.naming import searching
from trivium.forge.naming.searching import USERS
from trivium.forge.naming.walks import PAGE, Listed, walk, walk_having
from trivium.names import account_key_of
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, user_grams, users


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
_COLUMNS: Final = (
    *(_table.id, _table.username, _table.firstname, _table.lastname, _table.email, _table.active, _table.admin),
    *(_table.extern_type, _table.last_activity, _table.username_key),
)
_ROWS: Final = select(*_COLUMNS).where(_table.id != DEFAULT_USER_ID)
_KEY_AT: Final = 9
"""Where in a row of `_ROWS` the key of the name stands."""
_FEW: Final = 1000
"""Up to so many accounts are looked at rather than searched."""
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
    """Accounts but `default`: a few statements, whatever there is. Raises `Forbidden` for others than super-admins."""
    if not caller.super_admin:
        raise Forbidden
    words = searching.words_of(query, key=account_key_of)
    if words is None:
        return Listed((), "", "")
    newest = sort is Sort.NEWEST
    few = bool(words) and _are_few(db, which)
    ways = searching.ways(db, USERS, words) if words and not few else []
    if ways is None:
        return Listed((), "", "")
    if few:
        rows = _FEW_ROWS[which].c
        statement = select(*(rows[column.name] for column in _COLUMNS)).where(
            *(rows.search_key.like(searching.matching(word), escape="\\") for word in words)
        )
        key = rows.id if newest else rows.username_key
        found = walk(db, statement, key, descending=newest, after=after, before=before, limit=limit)
    elif ways:
        by, key_at = (user_grams.c.user_id, 0) if newest else (user_grams.c.name_key, _KEY_AT)
        given = {f"word{number}": searching.matching(word) for number, word in enumerate(words)}
        asked = partial(_searched, which, sort, len(words))
        found = walk_having(
            db, USERS, ways, by, asked, key_at,
            given=given, descending=newest, after=after, before=before, limit=limit,
        )  # fmt: skip
    else:
        statement = _ROWS.where(*_CONDITIONS[which], *searching.having(db, USERS, words))
        key = _table.id if newest else _table.username_key
        found = walk(db, statement, key, descending=newest, after=after, before=before, limit=limit)
    return Listed([ListedUser(*row[:_KEY_AT]) for row in found.rows], found.newer, found.older)


def _are_few(db: Connection, which: Which) -> bool:
    """Whether these are so few that all of them can be looked at."""
    asked = _COUNTS.get(which)
    counted = asked.first(db, {}) if asked is not None else None
    return counted is not None and counted[0] <= _FEW


def _counted(condition: Any) -> Query:
    return Query(select(func.count()).select_from(select(_table.id).where(condition).limit(_FEW + 1).subquery()))


def _rows(condition: Any) -> Any:
    """The few, looked up by themselves: databases think that what is sought is rarer, and would read all accounts."""
    some = _ROWS.add_columns(_table.search_key).where(condition).order_by(_table.username_key).limit(_FEW + 1)
    return some.subquery("few")


_FEW_ROWS: Final = {which: _rows(*_CONDITIONS[which]) for which in (Which.INACTIVE, Which.ADMINS)}
_COUNTS: Final = {which: _counted(*_CONDITIONS[which]) for which in (Which.INACTIVE, Which.ADMINS)}


@lru_cache(maxsize=256)
def _searched(which: Which, sort: Sort, words: int, grams: int, upwards: bool) -> Query:
    by = user_grams.c.user_id if sort is Sort.NEWEST else user_grams.c.name_key
    statement = _ROWS.where(*_CONDITIONS[which], *searching.having_words(USERS, words))
    return Query(searching.along(statement, USERS, by, grams, upwards=upwards))
