# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows that a user group, or `default`, has on the objects of a site, a page at a time.

What they come to for a user is told by `forge/rights/listing.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, literal_column, null, select, union_all

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import OBJECT_TABLES, ObjectTables
from trivium.errors import Forbidden
from trivium.forge.grants.on_objects import Subject
from trivium.forge.naming.walks import PAGE, Listed, walk
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID


@dataclass(frozen=True, slots=True)
class ObjectRight:
    """A row: what it gives on one object."""

    name: str
    level: Level


def rows_of(
    db: Connection,
    asking: Caller,
    subject: Subject,
    scope: Scope,
    *,
    after: str = "",
    before: str = "",
    limit: int = PAGE,
) -> Listed[ObjectRight]:
    """The rows that a user or user group has on the objects of a kind, by name: one statement. For super-admins."""
    if not asking.super_admin:
        raise Forbidden
    tables = OBJECT_TABLES[scope]
    objects, grants = tables.objects.c, tables.grants.c
    mine = grants.user_id == subject.user_id if subject.user_id is not None else grants.group_id == subject.group_id
    if subject.user_id == DEFAULT_USER_ID:
        # Nearly all objects have such a row: it is looked up for those of the page, instead of sorting all of them.
        row = select(grants.level).where(grants.object_id == objects.id, mine).correlate(tables.objects)
        level = row.scalar_subquery()
        statement = select(objects.name, objects.name_key, level.label("level")).where(level.is_not(None))
    else:
        statement = select(objects.name, objects.name_key, grants.level).where(mine)
        statement = statement.join_from(tables.objects, tables.grants, grants.object_id == objects.id)
    found = walk(db, statement, objects.name_key, after=after, before=before, limit=limit)
    return Listed([ObjectRight(row.name, Level(row.level)) for row in found.rows], found.newer, found.older)


def default_levels(db: Connection, caller: Caller) -> dict[Scope, dict[Level, int]]:
    """How many objects of each kind are open to everybody on which level; of repositories, those that are not private.

    For whoever is about to set all of them alike (`site_defaults`). One statement, which counts in indexes. For
    super-admins.
    """
    if not caller.super_admin:
        raise Forbidden
    found = {scope: dict.fromkeys(Level, 0) for scope in OBJECT_TABLES}
    for scope, level, count in _DEFAULT_LEVELS.all(db, {}):
        levels = found[Scope(scope)]
        if level is None:
            levels[Level.NONE] += count  # all objects; those that have a row are told apart by the other rows
        elif level >= 0:
            levels[Level(level)] += count
            levels[Level.NONE] -= count
        else:
            levels[Level(-1 - level)] -= count
    return found


def _counted(tables: ObjectTables) -> list[Any]:
    """All objects (no level); the rows by level; and the private ones, which count nowhere: of level n as -1 - n."""
    objects, grants = tables.objects.c, tables.grants.c
    scope: Any = literal_column(f"'{tables.scope.value}'").label("scope")
    count = func.count().label("count")
    everybodys = grants.user_id == DEFAULT_USER_ID
    counted = [
        select(scope, grants.level, count).where(everybodys).group_by(grants.level),
        select(scope, null(), count).select_from(tables.objects),
    ]
    if "private" in objects:
        closed = tables.objects.outerjoin(tables.grants, (grants.object_id == objects.id) & everybodys)
        level: Any = literal_column("-1") - func.coalesce(grants.level, literal_column("0"))
        counted.append(select(scope, level, count).select_from(closed).where(objects.private).group_by(level))
    return counted


_DEFAULT_LEVELS: Final = Query(union_all(*(one for tables in OBJECT_TABLES.values() for one in _counted(tables))))
