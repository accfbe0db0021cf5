# SPDX-License-Identifier: GPL-3.0-or-later
"""Why somebody may do something: the rows that `permissions` decides by, in the order of the rule (api-users.md 5.3).

What is told here is decided there: a property test compares the two over random installations. A fixed number of
statements, however many objects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, false, or_, select

from trivium.access.caller import Caller
from trivium.access.levels import FAMILY_OF, GLOBAL_FAMILIES, WEIGHT_OF, Level
from trivium.access.permissions import ObjectTables
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, global_grants, user_group_members, user_groups


class Origin(StrEnum):
    """Where a right comes from."""

    SUPER_ADMIN = "super-admin"
    OWNER = "owner"
    DEFAULT = "default"
    """The row of the user `default`, which is what everybody has."""
    GROUP = "user-group"
    OWN = "own"


class Void(StrEnum):
    """Why a row gives nothing."""

    PRIVATE = "private"
    """The row of `default` on a private repository."""
    NOT_INHERITED = "not-inherited"
    """What everybody has is not inherited by this user."""
    INACTIVE = "inactive"
    """The user group is inactive."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One row that speaks about a right."""

    origin: Origin
    row: Level | None
    """What stands in it; None: there is no such row."""
    level: Level
    """What it comes to."""
    group: str = ""
    """The name of the user group."""
    void: Void | None = None
    counts: bool = False
    """Whether it is the one that decides."""


@dataclass(frozen=True, slots=True)
class Why:
    """What somebody may do with an object, and why."""

    level: Level
    reasons: Sequence[Reason]
    """In the order of the rule; exactly one of them counts."""

    @property
    def deciding(self) -> Reason:
        return next(one for one in self.reasons if one.counts)


@dataclass(frozen=True, slots=True)
class GlobalReason:
    """One row that speaks about what may be created."""

    origin: Origin
    permission: str
    group: str = ""
    void: Void | None = None
    counts: bool = False


_NOT_THERE: Final = Reason(Origin.DEFAULT, None, Level.NONE)


def _groups_of(own: Any) -> Any:
    return select(user_group_members.c.user_group_id).where(user_group_members.c.user_id == own)


def why(db: Connection, caller: Caller, tables: ObjectTables, object_id: int) -> Why | None:
    """Why `caller` may do what they may with one object: one statement. None when there is no such object."""
    return whys(db, caller, tables, [object_id]).get(object_id)


def whys(db: Connection, caller: Caller, tables: ObjectTables, ids: Collection[int]) -> Mapping[int, Why]:
    """The same for several objects of a kind, by their ids: one statement."""
    if not ids:
        return {}
    own = _own(caller)
    found: dict[int, tuple[int, bool]] = {}
    rows: dict[int, list[_Row]] = defaultdict(list)
    for object_id, owner_id, private, *row in db.execute(_statement(tables), {"ids": list(ids), "caller_own": own}):
        found[object_id] = owner_id, bool(private)
        if row[1] is not None:
            rows[object_id].append(_Row(*row))
    return {
        object_id: _decided(_reasons(caller, rows[object_id], owned=owner_id == own, private=private))
        for object_id, (owner_id, private) in found.items()
    }


class _Row(NamedTuple):
    """A row that speaks about an object."""

    user_id: int | None
    level: int
    group: str | None
    active: bool | None


@lru_cache(maxsize=8)
def _statement(tables: ObjectTables) -> Any:
    """Some objects, each with the rows that speak about somebody's right to it; without one, with none."""
    objects, grants = tables.objects, tables.grants
    own: Any = bindparam("caller_own", type_=BigInteger)
    whose = or_(grants.c.user_id.in_((DEFAULT_USER_ID, own)), grants.c.group_id.in_(_groups_of(own)))
    # A group of users may itself be what the right is about.
    groups = user_groups.alias("groups_of_rows")
    private = objects.c.private if "private" in objects.c else false()
    return (
        select(objects.c.id, objects.c.owner_id, private.label("private"))
        .add_columns(grants.c.user_id, grants.c.level, groups.c.name, groups.c.active)
        .select_from(
            objects.outerjoin(grants, (grants.c.object_id == objects.c.id) & whose).outerjoin(
                groups, groups.c.id == grants.c.group_id
            )
        )
        .where(objects.c.id.in_(bindparam("ids", expanding=True)))
    )


def _own(caller: Caller) -> int:
    """As in `permissions.binds`: the row of `default` is nobody's own."""
    return -1 if caller.anonymous else caller.user_id


def _reasons(caller: Caller, rows: Sequence[_Row], *, owned: bool, private: bool) -> list[Reason]:
    """What speaks about the right, in the order of the rule."""
    above, default, of_groups, own = [], _NOT_THERE, [], []
    if caller.super_admin:
        above.append(Reason(Origin.SUPER_ADMIN, Level.ADMIN, Level.ADMIN))
    if owned:
        above.append(Reason(Origin.OWNER, Level.ADMIN, Level.ADMIN))
    for row in rows:
        level = Level(row.level)
        if row.user_id is None:
            void = None if row.active else Void.INACTIVE
            of_groups.append(Reason(Origin.GROUP, level, Level.NONE if void else level, row.group or "", void))
        elif row.user_id == DEFAULT_USER_ID:
            default = Reason(Origin.DEFAULT, level, level)
        else:
            own.append(Reason(Origin.OWN, level, level))
    if private or not caller.inherits:
        default = replace(default, level=Level.NONE, void=Void.PRIVATE if private else Void.NOT_INHERITED)
    of_groups.sort(key=lambda one: (one.void is not None, -one.level, one.group))
    return [*above, default, *of_groups, *own]


def _decided(reasons: list[Reason]) -> Why:
    """The same with the one marked that counts: what stands above the layers, else the last layer that says something.

    Of several groups it is the strongest, which comes first.
    """
    layers = (Origin.SUPER_ADMIN, Origin.OWNER, Origin.OWN, Origin.GROUP, Origin.DEFAULT)
    counting = next(
        at
        for origin in layers
        for at, one in enumerate(reasons)
        if one.origin is origin and one.void is not Void.INACTIVE
    )
    reasons[counting] = replace(reasons[counting], counts=True)
    return Why(reasons[counting].level, tuple(reasons))


_GLOBAL_ROWS = Query(
    select(global_grants.c.permission, global_grants.c.user_id, user_groups.c.name, user_groups.c.active)
    .outerjoin(user_groups, user_groups.c.id == global_grants.c.group_id)
    .where(
        or_(
            global_grants.c.user_id == bindparam("caller_own"),
            global_grants.c.user_id == DEFAULT_USER_ID,
            global_grants.c.group_id.in_(_groups_of(bindparam("caller_own"))),
        )
    )
)


def global_whys(db: Connection, caller: Caller) -> Mapping[str, Sequence[GlobalReason]]:
    """Family → the rows that speak about it, in the order of the rule, with the one marked that counts: one statement.

    The value that counts is that of `permissions.global_permissions`. A family of which nothing is said has no row.
    """
    found: dict[str, list[GlobalReason]] = {family: [] for family in GLOBAL_FAMILIES}
    if caller.super_admin:
        for family, values in GLOBAL_FAMILIES.items():
            found[family].append(GlobalReason(Origin.SUPER_ADMIN, values[-1]))
    for permission, user_id, group, active in _GLOBAL_ROWS.all(db, {"caller_own": _own(caller)}):
        origin, void = Origin.OWN, None
        if user_id is None:
            origin, void = Origin.GROUP, None if active else Void.INACTIVE
        elif user_id == DEFAULT_USER_ID:
            origin, void = Origin.DEFAULT, None if caller.inherits else Void.NOT_INHERITED
        found[FAMILY_OF[permission]].append(GlobalReason(origin, permission, group or "", void))
    return {family: _globally_decided(rows) for family, rows in found.items()}


_RANK: Final = {Origin.SUPER_ADMIN: 0, Origin.DEFAULT: 1, Origin.GROUP: 2, Origin.OWN: 3}


def _globally_decided(rows: list[GlobalReason]) -> Sequence[GlobalReason]:
    rows.sort(key=lambda one: (_RANK[one.origin], one.void is not None, -WEIGHT_OF[one.permission], one.group))
    for origin in (Origin.SUPER_ADMIN, Origin.OWN, Origin.GROUP, Origin.DEFAULT):
        for at, one in enumerate(rows):
            if one.origin is origin and one.void is None:
                rows[at] = replace(one, counts=True)
                return rows
    return rows
