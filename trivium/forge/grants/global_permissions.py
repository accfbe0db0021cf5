# SPDX-License-Identifier: GPL-3.0-or-later
"""What users and user groups may do on the whole site, and the rows that they have on objects (api-users.md 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from trivium.access.caller import Caller
from trivium.access.levels import FAMILY_OF, GLOBAL_FAMILIES
from trivium.access.permissions import OBJECT_TABLES
from trivium.access.stamps import rights_change
from trivium.errors import Forbidden, Invalid, Kind, NotFound
from trivium.forge.events import journal
from trivium.forge.events.accounts import UserChanged
from trivium.forge.events.event import values_before
from trivium.forge.events.permissions import AnonymousAccessSet, GlobalPermissionSet
from trivium.forge.grants.on_objects import Subject
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.store.tables import DEFAULT_USER_ID, global_grants, users


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """A row of permissions on one object."""

    permission: str
    name: str
    """What the object is called."""


def set_permission(site: Site, caller: Caller, subject: Subject, permission: str) -> None:
    """Give a user or user group the value of one global permission; it replaces another value of the same family."""
    family = _family_of(permission)
    with site.store.write(told_apart=True) as db:
        rights_change(db, user_id=subject.user_id, group_id=subject.group_id)
        replaced = (_of(global_grants, subject), global_grants.c.permission.in_(family))
        before = db.execute(select(global_grants.c.permission).where(*replaced).with_for_update()).scalar()
        db.execute(delete(global_grants).where(*replaced))
        db.execute(
            insert(global_grants).values(user_id=subject.user_id, group_id=subject.group_id, permission=permission)
        )
        _tell(db, caller, subject, permission, before)


def forget_permission(site: Site, caller: Caller, subject: Subject, permission: str) -> None:
    """Remove the subject's own value of a global permission; the value below it counts again.

    Raises `Invalid` when there is no such row, and for `default`, which has nothing below it.
    """
    _family_of(permission)
    if subject.user_id == DEFAULT_USER_ID:
        raise Invalid("the values of the user default hold for everybody: set another one instead")
    with site.store.write(told_apart=True) as db:
        rights_change(db, user_id=subject.user_id, group_id=subject.group_id)
        mine = (_of(global_grants, subject), global_grants.c.permission == permission)
        if not db.execute(delete(global_grants).where(*mine)).rowcount:
            raise Invalid(f"{subject.name} has no {permission} of its own")
        _tell(db, caller, subject, permission, permission, forgotten=True)


def set_permissions(
    site: Site,
    caller: Caller,
    subject: Subject,
    wanted: Mapping[str, str | None],
    seen: Seen = whatever,
    *,
    inherits: bool | None = None,
    anonymous: bool | None = None,
) -> None:
    """Give a user or user group these values, family → value, in one transaction; None: none of its own.

    `inherits`: whether what `default` may do counts for a user. `anonymous`: whether visitors may look. What is as
    wanted already is not told. Raises `Forbidden` for others than super-admins, and `Invalid` where `default` would
    have no value.
    """
    if not caller.super_admin:
        raise Forbidden
    with site.store.write(told_apart=True) as db:
        seen(db, caller)
        rights_change(db, user_id=subject.user_id, group_id=subject.group_id)
        set_values(db, caller, subject, wanted)
        if inherits is not None and subject.user_id is not None:
            _set_inherits(db, caller, subject, inherits)
        if anonymous is not None and subject.user_id == DEFAULT_USER_ID:
            _open_to_visitors(db, caller, anonymous)


def set_values(db: Connection, caller: Caller, subject: Subject, wanted: Mapping[str, str | None]) -> None:
    """The same in a transaction that says whose rights change."""
    for family, value in wanted.items():
        if value is None and subject.user_id == DEFAULT_USER_ID:
            raise Invalid("What the user default may do holds for everybody, and has to be said.", about=family)
        if value is not None and FAMILY_OF.get(value) != family:
            raise Invalid("This is none of the choices.", about=family)
    mine = _of(global_grants, subject)
    rows = db.execute(select(global_grants.c.permission).where(mine).with_for_update()).scalars()
    before = {FAMILY_OF[permission]: permission for permission in rows}
    for family, value in wanted.items():
        had = before.get(family)
        if had == value:
            continue
        if had is not None:
            db.execute(delete(global_grants).where(mine, global_grants.c.permission == had))
        if value is not None:
            given = {"user_id": subject.user_id, "group_id": subject.group_id, "permission": value}
            db.execute(insert(global_grants).values(**given))
        _tell(db, caller, subject, value or had or "", had, forgotten=value is None)


def _set_inherits(db: Connection, caller: Caller, subject: Subject, inherits: bool) -> None:
    changes = {"inherit_default_permissions": inherits}
    was = values_before(db, users, subject.user_id or 0, changes)
    if was == changes:
        return
    db.execute(update(users).where(users.c.id == subject.user_id).values(**changes))
    event = UserChanged(subject=subject.name, user_id=subject.user_id or 0, changes=changes, was=was)
    journal.record(db, caller, event)


def _open_to_visitors(db: Connection, caller: Caller, allowed: bool) -> None:
    was = values_before(db, users, DEFAULT_USER_ID, ["active"])
    if was["active"] == allowed:
        return
    db.execute(update(users).where(users.c.id == DEFAULT_USER_ID).values(active=allowed))
    journal.record(db, caller, AnonymousAccessSet(subject="default", allowed=allowed, was={"allowed": was["active"]}))


def own_permissions(db: Connection, subject: Subject) -> list[str]:
    """The global permissions that a user or user group has rows for, by name."""
    rows = db.execute(select(global_grants.c.permission).where(_of(global_grants, subject)))
    return sorted(permission for (permission,) in rows)


def object_rows(db: Connection, subject: Subject) -> list[ObjectRow]:
    """The rows that a user or user group has on repositories, repository groups and user groups: three statements."""
    found = []
    for scope, tables in OBJECT_TABLES.items():
        rows = db.execute(
            select(tables.objects.c.name, tables.grants.c.level)
            .join(tables.grants, tables.grants.c.object_id == tables.objects.c.id)
            .where(_of(tables.grants, subject))
            .order_by(tables.objects.c.name)
        )
        found += [ObjectRow(scope.name_of(level), name) for name, level in rows]
    return found


def set_anonymous_access(site: Site, caller: Caller, allowed: bool) -> None:
    """Open the site to visitors without an account, or close it (decisions.md W1)."""
    with site.store.write() as db:
        was = {"allowed": values_before(db, users, DEFAULT_USER_ID, ["active"])["active"]}
        db.execute(update(users).where(users.c.id == DEFAULT_USER_ID).values(active=allowed))
        journal.record(db, caller, AnonymousAccessSet(subject="default", allowed=allowed, was=was))


def anonymous_access(db: Connection) -> bool:
    """Whether visitors may look without an account."""
    return bool(db.execute(select(users.c.active).where(users.c.id == DEFAULT_USER_ID)).scalar())


def _family_of(permission: str) -> tuple[str, ...]:
    if permission not in FAMILY_OF:
        raise NotFound(Kind.PERMISSION, permission, f"there are {', '.join(FAMILY_OF)}")
    return GLOBAL_FAMILIES[FAMILY_OF[permission]]


def _of(table: Any, subject: Subject) -> Any:
    """The condition for the rows of a user or user group."""
    if subject.user_id is not None:
        return table.c.user_id == subject.user_id
    return table.c.group_id == subject.group_id


def _tell(
    db: Connection, caller: Caller, subject: Subject, permission: str, before: str | None, *, forgotten: bool = False
) -> None:
    event = GlobalPermissionSet(
        subject=subject.name,
        permission=permission,
        of_group=subject.group_id is not None,
        forgotten=forgotten,
        was={"permission": before},
    )
    journal.record(db, caller, event)
