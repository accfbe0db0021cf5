# SPDX-License-Identifier: GPL-3.0-or-later
"""What users and user groups may do on the whole site, and the rows that they have on objects (api-users.md 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from trivium.access.caller import Caller
from trivium.access.levels import FAMILY_OF, GLOBAL_FAMILIES
from trivium.access.permissions import OBJECT_TABLES
from trivium.access.stamps import rights_change
from trivium.errors import Invalid, Kind, NotFound
from trivium.forge.events import journal
from trivium.forge.events.event import values_before
from trivium.forge.events.permissions import AnonymousAccessSet, GlobalPermissionSet
from trivium.forge.grants.on_objects import Subject
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
