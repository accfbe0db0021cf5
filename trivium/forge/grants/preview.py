# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recursive change of permissions would change, before anybody decides (api-repos.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPO_GROUPS, REPOSITORIES, ObjectTables, binds, levels_joined
from trivium.forge.grants.on_objects import Subject
from trivium.forge.naming.former_names import below
from trivium.store.tables import DEFAULT_USER_ID


@dataclass(frozen=True, slots=True)
class Count:
    """Of the objects of one kind inside a group, at any depth."""

    inside: int
    changed: int
    """Those that would have another row afterwards."""
    left: int
    """Those that stay as they are because the caller does not administer them, or because they are closed."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What `set_permission` would change inside a group."""

    groups: Count
    repositories: Count


_NOTHING = Count(0, 0, 0)


def effect(db: Connection, caller: Caller, group: str, subject: Subject, level: Level | None, recursion: str) -> Effect:
    """How much would change inside the group of this name: a statement for each kind."""
    return Effect(
        _count(db, caller, REPO_GROUPS, group, subject, level) if recursion in ("groups", "all") else _NOTHING,
        _count(db, caller, REPOSITORIES, group, subject, level) if recursion in ("repos", "all") else _NOTHING,
    )


def _count(
    db: Connection, caller: Caller, tables: ObjectTables, group: str, subject: Subject, level: Level | None
) -> Count:
    source, callers = levels_joined(tables)
    rows = tables.grants.alias("rows_of_subject")
    whose = rows.c.user_id == subject.user_id if subject.user_id is not None else rows.c.group_id == subject.group_id
    touched: Any = callers >= int(Level.ADMIN)
    if tables is REPOSITORIES and subject.user_id == DEFAULT_USER_ID:
        touched = and_(touched, ~tables.objects.c.private)
    differs: Any = (
        rows.c.level.is_not(None) if level is None else or_(rows.c.level.is_(None), rows.c.level != int(level))
    )
    statement = (
        select(
            func.count(),
            func.coalesce(func.sum(case((and_(touched, differs), 1), else_=0)), 0),
            func.coalesce(func.sum(case((touched, 0), else_=1)), 0),
        )
        .select_from(source.outerjoin(rows, and_(rows.c.object_id == tables.objects.c.id, whose)))
        .where(below(tables.objects, group))
    )
    return Count(*(int(one) for one in db.execute(statement, binds(caller)).one()))
