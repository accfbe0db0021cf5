# SPDX-License-Identifier: GPL-3.0-or-later
"""Permission rows: given, taken, copied, and listed as an object's members (api-repos.md 2.6, 4, 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, delete, func, insert, literal, select, union_all

from trivium.access.caller import Caller
from trivium.access.levels import OBJECT_PERMISSIONS, Level, Scope
from trivium.access.permissions import (
    OBJECT_TABLES,
    REPO_GROUPS,
    REPOSITORIES,
    ObjectTables,
    binds,
    levels_joined,
)
from trivium.access.stamps import rights_change
from trivium.errors import Invalid
from trivium.forge.events import journal
from trivium.forge.events.permissions import PermissionGranted, PermissionRevoked
from trivium.forge.site import Site
from trivium.store.query import Change, Query
from trivium.store.tables import DEFAULT_USER_ID, user_groups, users

SUPER_ADMIN: Final = "super-admin"
OWNER: Final = "owner"
PERMISSION: Final = "permission"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may do something with an object, and why."""

    name: str
    level: Level
    origin: str
    is_group: bool


class _RowsOf:
    """The statements for one row: of a user, or of a user group, on an object of one kind."""

    def __init__(self, tables: ObjectTables, *, of_group: bool) -> None:
        grants = tables.grants
        whose = grants.c.group_id if of_group else grants.c.user_id
        this = (grants.c.object_id == bindparam("object_id"), whose == bindparam("whose"))
        self.level = Query(select(grants.c.level).where(*this).with_for_update())
        """For a transaction that is about to change the row."""
        self.remove = Change(delete(grants).where(*this))
        self.add = Change(insert(grants))
        self._of_group = of_group

    def new(self, object_id: int, whose: int, level: Level) -> dict[str, int | None]:
        """The values of a row."""
        user_id, group_id = (None, whose) if self._of_group else (whose, None)
        return {"object_id": object_id, "user_id": user_id, "group_id": group_id, "level": int(level)}


_ROWS: Final = {
    (scope, of_group): _RowsOf(tables, of_group=of_group)
    for scope, tables in OBJECT_TABLES.items()
    for of_group in (False, True)
}


def _rows_of(tables: ObjectTables, user_id: int | None, group_id: int | None) -> tuple[_RowsOf, int]:
    """The statements, and whose row they are about."""
    if user_id is not None:
        return _ROWS[tables.scope, False], user_id
    assert group_id is not None
    return _ROWS[tables.scope, True], group_id


def grant_row(
    db: Connection,
    tables: ObjectTables,
    object_id: int,
    *,
    level: Level,
    user_id: int | None = None,
    group_id: int | None = None,
) -> None:
    """Set the row of a user or a user group on an object, replacing the one there was."""
    rows, whose = _rows_of(tables, user_id, group_id)
    rows.remove.run(db, {"object_id": object_id, "whose": whose})
    rows.add.run(db, rows.new(object_id, whose, level))


def revoke_row(
    db: Connection, tables: ObjectTables, object_id: int, *, user_id: int | None = None, group_id: int | None = None
) -> None:
    """Remove a row; there may be none."""
    rows, whose = _rows_of(tables, user_id, group_id)
    rows.remove.run(db, {"object_id": object_id, "whose": whose})


def copy_rows(db: Connection, source: ObjectTables, source_id: int, target: ObjectTables, target_id: int) -> None:
    """Give an object the rows of another one, of whatever kind."""
    rows = select(literal(target_id), source.grants.c.user_id, source.grants.c.group_id, source.grants.c.level).where(
        source.grants.c.object_id == source_id
    )
    db.execute(insert(target.grants).from_select(["object_id", "user_id", "group_id", "level"], rows))


def factory_level(of_default: Mapping[str, str], scope: Scope) -> Level:
    """The level that everybody has on a new object, from the global permissions of the user `default`."""
    return OBJECT_PERMISSIONS[of_default[scope.value]][1]


def _members_statement(tables: ObjectTables) -> Any:
    """Super-admins, the owner, user rows and group rows in one statement, in the documented order."""
    objects, grants = tables.objects, tables.grants
    owner_of = select(objects.c.owner_id).where(objects.c.id == bindparam("object_id")).scalar_subquery()
    admins = select(
        literal(0).label("section"),
        literal(0).label("rank"),
        users.c.username.label("name"),
        literal(int(Level.ADMIN)).label("level"),
    ).where(users.c.admin, users.c.id != owner_of)
    owner = select(literal(1), literal(0), users.c.username, literal(int(Level.ADMIN))).where(users.c.id == owner_of)
    user_rows = (
        select(
            literal(2),
            case((users.c.id == DEFAULT_USER_ID, -9), else_=-grants.c.level),
            users.c.username,
            grants.c.level,
        )
        .join(users, users.c.id == grants.c.user_id)
        .where(grants.c.object_id == bindparam("object_id"))
    )
    group_rows = (
        select(literal(3), -grants.c.level, user_groups.c.name, grants.c.level)
        .join(user_groups, user_groups.c.id == grants.c.group_id)
        .where(grants.c.object_id == bindparam("object_id"))
    )
    everything = union_all(admins, owner, user_rows, group_rows).subquery()
    return select(everything).order_by(everything.c.section, everything.c.rank, everything.c.name)


_MEMBERS = {scope: Query(_members_statement(tables)) for scope, tables in OBJECT_TABLES.items()}
_ORIGINS: Final = (SUPER_ADMIN, OWNER, PERMISSION, PERMISSION)


def members(db: Connection, scope: Scope, object_id: int) -> list[Member]:
    """Who may do what with an object, in the documented order: one statement (api-repos.md 2.6)."""
    levels = {int(level): level for level in Level}
    return [
        Member(name, levels[level], _ORIGINS[section], section == 3)
        for section, _, name, level in _MEMBERS[scope].all(db, {"object_id": object_id})
    ]


@dataclass(frozen=True, slots=True)
class Target:
    """An object whose permissions are changed."""

    scope: Scope
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Who gets or loses a permission: a user, or a user group."""

    name: str
    user_id: int | None = None
    group_id: int | None = None


RECURSIONS: Final = ("none", "repos", "groups", "all")


def set_permission(
    site: Site, caller: Caller, target: Target, subject: Subject, level: Level | None, recursion: str = "none"
) -> None:
    """Give `subject` a level on `target`, or with None take its row away; repeating it is fine.

    For a repository group `recursion` says what inside changes with it, at all depths (api-repos.md 6); objects
    inside that the caller does not administer are left alone, and private repositories stay closed to everybody.
    """
    if recursion not in RECURSIONS:
        raise Invalid(f"permissions apply to what is inside in one of these ways: {', '.join(RECURSIONS)}")
    with site.store.write(told_apart=True) as db:
        rights_change(db, user_id=subject.user_id, group_id=subject.group_id)
        tables = OBJECT_TABLES[target.scope]
        before = _own_level(db, tables, target.id, subject)
        if level is not None:
            grant_row(db, tables, target.id, level=level, user_id=subject.user_id, group_id=subject.group_id)
        else:
            revoke_row(db, tables, target.id, user_id=subject.user_id, group_id=subject.group_id)
        if recursion in ("groups", "all"):
            _set_rows(db, REPO_GROUPS, _administered_inside(db, caller, REPO_GROUPS, target.name), subject, level)
        if recursion in ("repos", "all"):
            public_only = subject.user_id == DEFAULT_USER_ID
            inside = _administered_inside(db, caller, REPOSITORIES, target.name, public_only=public_only)
            _set_rows(db, REPOSITORIES, inside, subject, level)
        kind = PermissionGranted if level is not None else PermissionRevoked
        event = kind(
            subject=target.name,
            repository_id=target.id if target.scope is Scope.REPOSITORY else None,
            scope=target.scope.value,
            whom=subject.name,
            of_group=subject.group_id is not None,
            level=target.scope.name_of(level) if level is not None else None,
            recursion=recursion,
            was={"level": target.scope.name_of(before) if before is not None else None},
        )
        journal.record(db, caller, event)


def _own_level(db: Connection, tables: ObjectTables, object_id: int, subject: Subject) -> Level | None:
    """The level in the subject's own row on an object, or None; for a transaction that is about to change it."""
    rows, whose = _rows_of(tables, subject.user_id, subject.group_id)
    found = rows.level.first(db, {"object_id": object_id, "whose": whose})
    return None if found is None else Level(found[0])


def _set_rows(db: Connection, tables: ObjectTables, ids: list[int], subject: Subject, level: Level | None) -> None:
    """The same for many objects: `grant_row`, or `revoke_row` with None."""
    if not ids:
        return
    rows, whose = _rows_of(tables, subject.user_id, subject.group_id)
    db.execute(rows.remove.statement, [{"object_id": one, "whose": whose} for one in ids])
    if level is not None:
        db.execute(rows.add.statement, [rows.new(one, whose, level) for one in ids])


def _administered_inside(
    db: Connection, caller: Caller, tables: ObjectTables, path: str, *, public_only: bool = False
) -> list[int]:
    """The ids of the objects inside a group, at any depth, that the caller administers."""
    source, level = levels_joined(tables)
    prefix = path + "/"
    statement = (
        select(tables.objects.c.id)
        .select_from(source)
        .where(func.substr(tables.objects.c.name, 1, len(prefix)) == prefix, level >= int(Level.ADMIN))
    )
    if public_only:
        statement = statement.where(~tables.objects.c.private)
    return [row[0] for row in db.execute(statement, binds(caller))]
