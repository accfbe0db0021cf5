# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user, or a user group, may do with the objects of a site, a page at a time, and where each right comes from.

In full, with all rows that were looked at, `access.why` tells it of one object.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, func, literal, select

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import OBJECT_TABLES, ObjectTables, binds, candidates, effective_level, levels_by_layer
from trivium.errors import Forbidden
from trivium.forge.grants.on_objects import Subject
from trivium.forge.naming.walks import PAGE, Listed, walk
from trivium.store.tables import DEFAULT_USER_ID

_FEW: Final = 1000
"""Up to so many objects are sorted rather than passed over."""


class Origin(StrEnum):
    """Where a right comes from."""

    SUPER_ADMIN = "super-admin"
    OWNER = "owner"
    OWN = "own"
    """A row of the user's own."""
    GROUP = "group"
    """A row of one of the user's groups."""
    DEFAULT = "default"
    """What everybody may do."""


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody may do with one object."""

    name: str
    level: Level
    origin: Origin


def rights_of(
    db: Connection, asking: Caller, of: Caller, scope: Scope, *, after: str = "", before: str = "", limit: int = PAGE
) -> Listed[Right]:
    """The objects of a kind that somebody may at least read, by name: two statements. For super-admins."""
    if not asking.super_admin:
        raise Forbidden
    tables = OBJECT_TABLES[scope]
    objects, given = tables.objects.c, binds(of)
    owned, own, group, _ = levels_by_layer(tables)
    level = effective_level(tables)
    columns = (objects.name, objects.name_key, level.label("level"), owned.label("owned"))
    statement = select(*columns, own.label("own"), group.label("by_group"))
    if not of.super_admin:
        few = select(func.count()).select_from(candidates(tables).limit(_FEW + 1).subquery())
        if db.execute(few, given).scalar_one() <= _FEW:
            statement = statement.where(objects.id.in_(candidates(tables)))
        statement = statement.where(level >= int(Level.READ))
    found = walk(db, statement, objects.name_key, given=given, after=after, before=before, limit=limit)
    rows = [Right(row.name, Level(row.level), _origin(of, row)) for row in found.rows]
    return Listed(rows, found.newer, found.older)


def _origin(of: Caller, row: Any) -> Origin:
    if of.super_admin:
        return Origin.SUPER_ADMIN
    if row.owned:
        return Origin.OWNER
    if row.own is not None:
        return Origin.OWN
    return Origin.GROUP if row.by_group is not None else Origin.DEFAULT


def rows_of(
    db: Connection,
    asking: Caller,
    subject: Subject,
    scope: Scope,
    *,
    after: str = "",
    before: str = "",
    limit: int = PAGE,
) -> Listed[Right]:
    """The rows that a user or user group has on the objects of a kind, by name: one statement. For super-admins."""
    if not asking.super_admin:
        raise Forbidden
    tables = OBJECT_TABLES[scope]
    objects, grants = tables.objects.c, tables.grants.c
    mine = grants.user_id == subject.user_id if subject.user_id is not None else grants.group_id == subject.group_id
    statement = select(objects.name, objects.name_key, grants.level).join_from(
        tables.objects, tables.grants, grants.object_id == objects.id
    )
    found = walk(db, statement.where(mine), objects.name_key, after=after, before=before, limit=limit)
    origin = Origin.DEFAULT if subject.user_id == DEFAULT_USER_ID else Origin.OWN
    return Listed([Right(row.name, Level(row.level), origin) for row in found.rows], found.newer, found.older)


def default_levels(db: Connection, caller: Caller) -> dict[Scope, dict[Level, int]]:
    """How many objects of each kind are open to everybody on which level; of repositories, those that are not private.

    For whoever is about to set all of them alike (`site_defaults`). Three statements. For super-admins.
    """
    if not caller.super_admin:
        raise Forbidden
    return {scope: _default_levels(db, tables) for scope, tables in OBJECT_TABLES.items()}


def _default_levels(db: Connection, tables: ObjectTables) -> dict[Level, int]:
    objects, grants = tables.objects.c, tables.grants.c
    everybodys = (grants.object_id == objects.id) & (grants.user_id == DEFAULT_USER_ID)
    level = func.coalesce(grants.level, literal(int(Level.NONE)))
    counted = select(level, func.count()).select_from(tables.objects.outerjoin(tables.grants, everybodys))
    if "private" in objects:
        counted = counted.where(~objects.private)
    found = {Level(row[0]): row[1] for row in db.execute(counted.group_by(level))}
    return {one: found.get(one, 0) for one in Level}
