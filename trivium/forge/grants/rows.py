# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that decide who may do what with an object, as a page shows them: each with what it comes from.

The order is that of the rule (api-users.md 5.3), the strongest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, literal, select, true, union_all

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import OBJECT_TABLES, ObjectTables, groups_of
from trivium.forge.grants.on_objects import Subject
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, user_group_members, users
from trivium.store.tables import user_groups as groups

_MOST_REPLACED: Final = 20_000


class Origin(StrEnum):
    """What a right comes from."""

    SUPER_ADMIN = "super"
    OWNER = "owner"
    USER = "user"
    GROUP = "group"
    EVERYBODY = "everybody"


_SECTIONS: Final = tuple(Origin)


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
    return select(every).order_by(every.c.section, every.c.name)


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


_ROWS: Final = {scope: Query(_rows(tables)) for scope, tables in OBJECT_TABLES.items()}
_REPLACED: Final = {scope: Query(_replaced(tables)) for scope, tables in OBJECT_TABLES.items()}


def rows_on(db: Connection, _caller: Caller, scope: Scope, object_id: int) -> list[Row]:
    """All rows on an object that the caller was found to administer: two statements."""
    given = {"object_id": object_id}
    replaced = {user_id: (Level(level), name) for user_id, level, name in _REPLACED[scope].all(db, given)}
    return [
        Row(
            _SECTIONS[section],
            one,
            name,
            Level(level),
            bool(active),
            replaced.get(one) if _SECTIONS[section] is Origin.USER else None,
        )
        for section, one, name, level, active in _ROWS[scope].all(db, given)
    ]


def level_after(
    db: Connection, caller: Caller, scope: Scope, object_id: int, subject: Subject, level: Level | None
) -> Level:
    """What the rows on an object let the caller do once that of somebody is another, or gone (None).

    It is the rule of api-users.md 5.3, without owners and super-administrators.
    """
    after = {(row.origin, row.id): row.level for row in rows_on(db, caller, scope, object_id) if row.counts}
    if subject.group_id is not None:
        changed = (Origin.GROUP, subject.group_id)
    else:
        assert subject.user_id is not None
        changed = (Origin.EVERYBODY if subject.user_id == DEFAULT_USER_ID else Origin.USER, subject.user_id)
    after.pop(changed, None)
    if level is not None:
        after[changed] = level
    if (own := after.get((Origin.USER, caller.user_id))) is not None:
        return own
    mine = groups_of(db, caller)
    of_groups = [given for (origin, one), given in after.items() if origin is Origin.GROUP and one in mine]
    if of_groups:
        return max(of_groups)
    return after.get((Origin.EVERYBODY, DEFAULT_USER_ID), Level.NONE) if caller.inherits else Level.NONE
