# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that decide who may do what with an object, as a page shows them: each with what it comes from.

The order is that of the rule (api-users.md 5.3), the strongest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, literal, null, select, true, union_all

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import OBJECT_TABLES, ObjectTables
from trivium.forge.grants.on_objects import Subject
from trivium.names import MAX_NAME, is_clean_text
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, user_group_members, users
from trivium.store.tables import user_groups as groups

PAGE: Final = 100
_MANY: Final = 200
_MOST_REPLACED: Final = 20_000


class Origin(StrEnum):
    """What a right comes from."""

    SUPER_ADMIN = "super"
    OWNER = "owner"
    USER = "user"
    GROUP = "group"
    EVERYBODY = "everybody"


_SECTIONS: Final = tuple(Origin)
_LEVELS: Final = {int(level): level for level in Level}
_NUMBERS: Final = frozenset(str(number) for number in range(len(_SECTIONS)))


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody, and what they may do by this."""

    origin: Origin
    id: int
    """Of the user or the user group."""
    name: str
    level: Level
    counts: bool
    """False: an account or a user group that is not active, and so gives nothing."""
    replaces: tuple[Level, str] | None = None
    """What the user's strongest user group gives, which their own row replaces, and that group's name."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows, in the order of the rule and by name."""

    rows: Sequence[Row]
    older: str
    """The `after` of the next page; empty for the last."""


def _rows(tables: ObjectTables) -> Any:
    objects, grants = tables.objects, tables.grants
    here: Any = bindparam("object_id")
    owner_of = select(objects.c.owner_id).where(objects.c.id == here).scalar_subquery()
    admin = literal(int(Level.ADMIN))
    supers = select(
        literal(0).label("section"),
        users.c.id.label("id"),
        users.c.username.label("name"),
        admin.label("level"),
        users.c.active.label("active"),
    ).where(users.c.admin, users.c.id != owner_of)
    owner = select(literal(1), users.c.id, users.c.username, admin, users.c.active).where(users.c.id == owner_of)
    of_users = (
        select(literal(2), users.c.id, users.c.username, grants.c.level, users.c.active)
        .join(users, users.c.id == grants.c.user_id)
        .where(grants.c.object_id == here, users.c.id != DEFAULT_USER_ID)
    )
    of_groups = (
        select(literal(3), groups.c.id, groups.c.name, grants.c.level, groups.c.active)
        .join(groups, groups.c.id == grants.c.group_id)
        .where(grants.c.object_id == here)
    )
    everybody = (
        select(literal(4), users.c.id, users.c.username, grants.c.level, true())
        .join(users, users.c.id == grants.c.user_id)
        .where(grants.c.object_id == here, users.c.id == DEFAULT_USER_ID)
    )
    every = union_all(supers, owner, of_users, of_groups, everybody).subquery()
    after: Any = (every.c.section > bindparam("section")) | (
        (every.c.section == bindparam("section")) & (every.c.name > bindparam("name"))
    )
    return select(every).where(after).order_by(every.c.section, every.c.name).limit(bindparam("most"))


def _replaced(tables: ObjectTables) -> Any:
    """For users with a row of their own: what their user groups give on the same object, the weakest first."""
    own, of_group = tables.grants.alias("own"), tables.grants.alias("of_group")
    return (
        select(own.c.user_id, of_group.c.level, groups.c.name)
        .join(user_group_members, user_group_members.c.user_id == own.c.user_id)
        .join(groups, groups.c.id == user_group_members.c.user_group_id)
        .join(of_group, (of_group.c.group_id == groups.c.id) & (of_group.c.object_id == own.c.object_id))
        .where(own.c.object_id == bindparam("object_id"), groups.c.active)
        .order_by(of_group.c.level, groups.c.name)
        .limit(_MOST_REPLACED)
    )


def _mine(tables: ObjectTables) -> Any:
    """The level that a user, their active user groups and everybody have on an object; None: there is no row."""
    grants = tables.grants
    here: Any = bindparam("object_id")
    of_users = (
        select(users.c.id.label("user_id"), null().label("group_id"), grants.c.level.label("level"))
        .select_from(users.outerjoin(grants, (grants.c.user_id == users.c.id) & (grants.c.object_id == here)))
        .where((users.c.id == bindparam("user_id")) | (users.c.id == DEFAULT_USER_ID))
    )
    of_groups = (
        select(null(), groups.c.id, grants.c.level)
        .select_from(
            user_group_members.join(groups, groups.c.id == user_group_members.c.user_group_id).outerjoin(
                grants, (grants.c.group_id == groups.c.id) & (grants.c.object_id == here)
            )
        )
        .where(user_group_members.c.user_id == bindparam("user_id"), groups.c.active)
    )
    return union_all(of_users, of_groups)


def _counted(tables: ObjectTables) -> Any:
    some = select(tables.grants.c.id).where(tables.grants.c.object_id == bindparam("object_id")).limit(_MANY + 1)
    return select(func.count()).select_from(some.subquery())


_COUNTS: Final = {scope: Query(_counted(tables)) for scope, tables in OBJECT_TABLES.items()}
_ROWS: Final = {scope: Query(_rows(tables)) for scope, tables in OBJECT_TABLES.items()}
_MINE: Final = {scope: Query(_mine(tables)) for scope, tables in OBJECT_TABLES.items()}
_REPLACED: Final = {scope: Query(_replaced(tables)) for scope, tables in OBJECT_TABLES.items()}


def are_many(db: Connection, _caller: Caller, scope: Scope, object_id: int) -> bool:
    """Whether an object has so many rows that to sort them takes long: for whoever must not wait."""
    counted = _COUNTS[scope].first(db, {"object_id": object_id})
    return counted is not None and counted[0] > _MANY


def rows_on(
    db: Connection, _caller: Caller, scope: Scope, object_id: int, *, after: str = "", limit: int = PAGE
) -> Rows:
    """The rows on an object that the caller was found to administer, a page at a time: two statements."""
    given = {"object_id": object_id}
    section, name = _place(after)
    found = _ROWS[scope].all(db, given | {"section": section, "name": name, "most": limit + 1})
    replaced = {}
    if any(_SECTIONS[row[0]] is Origin.USER for row in found):
        replaced = {user_id: (Level(level), group) for user_id, level, group in _REPLACED[scope].all(db, given)}
    rows = [
        Row(
            _SECTIONS[section],
            one,
            name,
            _LEVELS[level],
            bool(active),
            replaced.get(one) if _SECTIONS[section] is Origin.USER else None,
        )
        for section, one, name, level, active in found[:limit]
    ]
    last = found[limit - 1] if len(found) > limit else None
    return Rows(rows, f"{last[0]}.{last[2]}" if last is not None else "")


def _place(after: str) -> tuple[int, str]:
    """The section and the name behind which a page begins; of what is none, the beginning."""
    section, _, name = after.partition(".")
    known = section in _NUMBERS and len(name) <= MAX_NAME and is_clean_text(name)
    return (int(section), name) if known else (-1, "")


def level_after(
    db: Connection, caller: Caller, scope: Scope, object_id: int, subject: Subject, level: Level | None
) -> Level:
    """What the rows on an object let the caller do once that of somebody is another, or gone (None).

    It is the rule of api-users.md 5.3, without owners and super-administrators.
    """
    given = {"object_id": object_id, "user_id": caller.user_id}
    own, of_groups, everybody = None, [], Level.NONE
    for user_id, group_id, present in _MINE[scope].all(db, given):
        changes = subject.group_id == group_id if user_id is None else subject.user_id == user_id
        after = level if changes else Level(present) if present is not None else None
        if after is None:
            continue
        if user_id is None:
            of_groups.append(after)
        elif user_id == DEFAULT_USER_ID:
            everybody = after
        else:
            own = after
    if own is not None:
        return own
    if of_groups:
        return max(of_groups)
    return everybody if caller.inherits else Level.NONE
