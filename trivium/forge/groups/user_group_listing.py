# SPDX-License-Identifier: GPL-3.0-or-later
"""User groups that somebody administers, a page at a time: searched by parts of their names (system.md 2.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

from sqlalchemy import Connection, func, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import USER_GROUPS, binds, candidates, effective_level
from trivium.forge.groups.user_groups import UserGroup
from trivium.forge.naming import searching
from trivium.forge.naming.walks import PAGE, Listed, walk, walk_having
from trivium.names import key_of
from trivium.store.query import Query
from trivium.store.tables import user_group_members, user_groups, users


@dataclass(frozen=True, slots=True)
class ListedUserGroup:
    """A row of the list."""

    id: int
    name: str
    description: str
    active: bool
    owner: str
    members: int


_LONGEST_DESCRIPTION: Final = 200
_table = user_groups.c
_MEMBERS: Final = (
    select(func.count())
    .where(user_group_members.c.user_group_id == _table.id)
    .correlate(user_groups)
    .scalar_subquery()
    .label("members")
)
_ROWS: Final = select(
    _table.id,
    _table.name,
    func.substr(_table.description, 1, _LONGEST_DESCRIPTION),
    _table.active,
    users.c.username,
    _MEMBERS,
    _table.name_key,
).join(users, users.c.id == _table.owner_id)
_KEY_AT: Final = 6
"""Where in a row of `_ROWS` the key of the name stands."""
_ADMINISTERED: Final = _ROWS.where(
    _table.id.in_(candidates(USER_GROUPS, Level.ADMIN)), effective_level(USER_GROUPS) >= int(Level.ADMIN)
)


@dataclass(frozen=True, slots=True)
class ListedMember:
    """Who is in a group."""

    id: int
    username: str
    firstname: str
    lastname: str
    active: bool


_MEMBER_ROWS: Final = select(
    users.c.id, users.c.username, users.c.firstname, users.c.lastname, users.c.active, users.c.username_key
).join(user_group_members, user_group_members.c.user_id == users.c.id)


def members(
    db: Connection, _caller: Caller, group: UserGroup, *, after: str = "", before: str = "", limit: int = PAGE
) -> Listed[ListedMember]:
    """Who is in a group that was looked up, by name: one statement."""
    statement = _MEMBER_ROWS.where(user_group_members.c.user_group_id == group.id)
    found = walk(db, statement, users.c.username_key, after=after, before=before, limit=limit)
    return Listed([ListedMember(*row[:5]) for row in found.rows], found.newer, found.older)


def page(
    db: Connection, caller: Caller, *, query: str = "", after: str = "", before: str = "", limit: int = PAGE
) -> Listed[ListedUserGroup]:
    """The user groups that the caller administers, by name: a few statements."""
    words = searching.words_of(query, key=key_of)
    if words is None:
        return Listed((), "", "")
    ways = searching.ways(db, searching.USER_GROUPS, words) if words else []
    if ways is None:
        return Listed((), "", "")
    given = {} if caller.super_admin else binds(caller)
    if ways:
        given |= {f"word{number}": searching.matching(word) for number, word in enumerate(words)}
        asked = partial(_searched, caller.super_admin, len(words))
        found = walk_having(
            db, searching.USER_GROUPS, ways, searching.USER_GROUPS.by_name, asked, _KEY_AT,
            given=given, after=after, before=before, limit=limit,
        )  # fmt: skip
    else:
        statement = _ROWS if caller.super_admin else _ADMINISTERED
        statement = statement.where(*searching.having(db, searching.USER_GROUPS, words))
        found = walk(db, statement, _table.name_key, given=given, after=after, before=before, limit=limit)
    return Listed([ListedUserGroup(*row[:_KEY_AT]) for row in found.rows], found.newer, found.older)


@lru_cache(maxsize=64)
def _searched(everything: bool, words: int, grams: int, upwards: bool) -> Query:
    kind = searching.USER_GROUPS
    statement = (_ROWS if everything else _ADMINISTERED).where(*searching.having_words(kind, words))
    return Query(searching.along(statement, kind, kind.by_name, grams, upwards=upwards))
