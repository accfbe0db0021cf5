# SPDX-License-Identifier: GPL-3.0-or-later
"""Effective permissions, as queries (api-users.md 5.3).

The layers are *default row*, *rows of active user groups*, *own row*. The last layer that has a row counts.
Super-admins and owners stand above the layers. `effective_level` is that rule as an SQL expression: put it into a
statement that also fetches the object, so that one query looks up and decides (security.md S-13, S-14). Execute such a
statement with the bind parameters of `binds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select, union_all
from sqlalchemy.sql.expression import literal

from trivium.access.caller import Caller
from trivium.access.levels import (
    FAMILY_OF,
    GLOBAL_FAMILIES,
    INHERITS,
    SUPER_ADMIN,
    WEIGHT_OF,
    Level,
    Scope,
)
from trivium.store.query import Query
from trivium.store.tables import (
    DEFAULT_USER_ID,
    global_grants,
    repo_group_grants,
    repo_groups,
    repositories,
    repository_grants,
    user_group_grants,
    user_group_members,
    user_groups,
)


@dataclass(frozen=True, slots=True)
class ObjectTables:
    """One kind of object with its permission rows."""

    scope: Scope
    objects: Any
    grants: Any


REPOSITORIES: Final = ObjectTables(Scope.REPOSITORY, repositories, repository_grants)
REPO_GROUPS: Final = ObjectTables(Scope.REPO_GROUP, repo_groups, repo_group_grants)
USER_GROUPS: Final = ObjectTables(Scope.USER_GROUP, user_groups, user_group_grants)
OBJECT_TABLES: Final = {tables.scope: tables for tables in (REPOSITORIES, REPO_GROUPS, USER_GROUPS)}

_user: ColumnElement[Any] = bindparam("caller_id")
_super: ColumnElement[Any] = bindparam("caller_super")
_inherits: ColumnElement[Any] = bindparam("caller_inherits")
_own: ColumnElement[Any] = bindparam("caller_own")


def binds(caller: Caller) -> dict[str, object]:
    """The bind parameters of every statement built on `effective_level`."""
    return {
        "caller_id": caller.user_id,
        "caller_super": caller.super_admin,
        "caller_inherits": caller.inherits,
        # The row of `default` is everybody's base and never an own row: it must not open a private repository.
        "caller_own": -1 if caller.anonymous else caller.user_id,
    }


def _layers(tables: ObjectTables, own: Any, group: Any, default: Any) -> ColumnElement[int]:
    objects = tables.objects
    closed = ~_inherits if "private" not in objects.c else or_(objects.c.private, ~_inherits)
    return case(
        (or_(_super, objects.c.owner_id == _own), literal(int(Level.ADMIN))),
        else_=func.coalesce(own, group, case((closed, literal(int(Level.NONE))), else_=func.coalesce(default, 0))),
    )


def effective_level(tables: ObjectTables) -> ColumnElement[int]:
    """The caller's level on the row of `tables.objects` at hand, for statements about one object."""
    objects, grants = tables.objects, tables.grants
    own = select(grants.c.level).where(grants.c.object_id == objects.c.id, grants.c.user_id == _own)
    group = select(func.max(grants.c.level)).where(
        grants.c.object_id == objects.c.id,
        grants.c.group_id.in_(_groups_of_caller()),
    )
    default = select(grants.c.level).where(grants.c.object_id == objects.c.id, grants.c.user_id == DEFAULT_USER_ID)
    return _layers(
        tables,
        own.correlate(objects).scalar_subquery(),
        group.correlate(objects).scalar_subquery(),
        default.correlate(objects).scalar_subquery(),
    )


def levels_joined(tables: ObjectTables) -> tuple[Any, ColumnElement[int]]:
    """A FROM clause and the caller's level, for statements about all objects of a kind.

    The rows of the caller and of their groups are collected once; only the default row is looked up per object.
    """
    objects, grants = tables.objects, tables.grants
    own = select(grants.c.object_id, grants.c.level).where(grants.c.user_id == _own).subquery("own_rows")
    group = (
        select(grants.c.object_id, func.max(grants.c.level).label("level"))
        .where(grants.c.group_id.in_(_groups_of_caller()))
        .group_by(grants.c.object_id)
        .subquery("group_rows")
    )
    default = grants.alias("default_rows")
    source = (
        objects.outerjoin(own, own.c.object_id == objects.c.id)
        .outerjoin(group, group.c.object_id == objects.c.id)
        .outerjoin(default, and_(default.c.object_id == objects.c.id, default.c.user_id == DEFAULT_USER_ID))
    )
    return source, _layers(tables, own.c.level, group.c.level, default.c.level)


def candidates(tables: ObjectTables, needs: Level = Level.READ) -> Any:
    """The ids of all objects that the caller has at least `needs` on, and perhaps of others; an id may come twice.

    For statements about few objects among very many; not for super-admins, who need no row. What it gives still has to
    be decided by `effective_level`.
    """
    objects, grants = tables.objects, tables.grants
    enough = grants.c.level >= int(needs)
    return union_all(
        select(grants.c.object_id).where(grants.c.user_id == _own, enough),
        select(grants.c.object_id).where(grants.c.group_id.in_(_groups_of_caller()), enough),
        select(objects.c.id).where(objects.c.owner_id == _own),
        select(grants.c.object_id).where(grants.c.user_id == DEFAULT_USER_ID, enough, _inherits),
    )


def _groups_of_caller() -> Any:
    """The ids of the active user groups that the caller is in."""
    return (
        select(user_group_members.c.user_group_id)
        .join(user_groups, user_groups.c.id == user_group_members.c.user_group_id)
        .where(user_group_members.c.user_id == _own, user_groups.c.active)
    )


_MEMBERSHIPS: Final = Query(
    select(user_group_members.c.user_group_id)
    .join(user_groups, user_groups.c.id == user_group_members.c.user_group_id)
    .where(user_group_members.c.user_id == _own, user_groups.c.active)
)


def groups_of(db: Connection, caller: Caller) -> frozenset[int]:
    """The ids of the active user groups that the caller is in: for rows that stand in no table any more."""
    return frozenset(row[0] for row in _MEMBERSHIPS.all(db, binds(caller)))


def _named_levels(tables: ObjectTables) -> Any:
    source, level = levels_joined(tables)
    return select(tables.objects.c.name, level.label("level")).select_from(source).order_by(tables.objects.c.name)


_NAMED_LEVELS = {tables.scope: Query(_named_levels(tables)) for tables in OBJECT_TABLES.values()}


def levels_by_name(db: Connection, caller: Caller, scope: Scope) -> dict[str, int]:
    """The caller's `Level` on every object of a kind, also `NONE`, by name: one statement."""
    return dict(_NAMED_LEVELS[scope].all(db, binds(caller)))


_GLOBAL_ROWS = Query(
    select(global_grants.c.permission, global_grants.c.user_id).where(
        or_(
            global_grants.c.user_id == _own,
            and_(_inherits, global_grants.c.user_id == DEFAULT_USER_ID),
            global_grants.c.group_id.in_(_groups_of_caller()),
        )
    )
)


def global_permissions(db: Connection, caller: Caller) -> dict[str, str]:
    """The caller's global permissions: family → the value that counts.

    An own row beats the strongest row of a group, which beats the row of `default`. A super-admin has the strongest
    value of each family.
    """
    if caller.super_admin:
        return {family: values[-1] for family, values in GLOBAL_FAMILIES.items()}
    best = dict.fromkeys(GLOBAL_FAMILIES, (-1, 0))
    for permission, user_id in _GLOBAL_ROWS.all(db, binds(caller)):
        family = FAMILY_OF[permission]
        layer = 0 if user_id == DEFAULT_USER_ID else 1 if user_id is None else 2
        best[family] = max(best[family], (layer, WEIGHT_OF[permission]))
    return {family: GLOBAL_FAMILIES[family][weight] for family, (_, weight) in best.items()}


def global_names(db: Connection, caller: Caller) -> list[str]:
    """The names shown as `permissions.global` of a user (api-users.md 4.1)."""
    names = sorted(global_permissions(db, caller).values())
    names.append(INHERITS[caller.inherits])
    return [SUPER_ADMIN, *names] if caller.super_admin else names


def allows_globally(db: Connection, caller: Caller, permission: str) -> bool:
    """Whether the caller has a global permission such as `hg.create.repository`."""
    return global_permissions(db, caller)[FAMILY_OF[permission]] == permission


@dataclass(frozen=True, slots=True)
class Permissions:
    """Everything that somebody may do (api-users.md 4.1)."""

    names: Sequence[str]
    """The global ones, in the order in which they are shown."""
    levels: Mapping[Scope, Mapping[str, int]]
    """For each kind of object the `Level` on every one of them, also `NONE`, by name."""


def all_permissions(db: Connection, caller: Caller) -> Permissions:
    """Everything that somebody may do: four statements."""
    return Permissions(global_names(db, caller), {scope: levels_by_name(db, caller, scope) for scope in Scope})
