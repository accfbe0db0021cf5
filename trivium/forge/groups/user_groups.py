# SPDX-License-Identifier: GPL-3.0-or-later
"""User groups and their members (api-users.md 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import (
    REPO_GROUPS,
    REPOSITORIES,
    USER_GROUPS,
    allows_globally,
    binds,
    effective_level,
    global_permissions,
    levels_joined,
)
from trivium.access.stamps import rights_change
from trivium.errors import AlreadyExists, Forbidden, InUse, Invalid, Kind, NotFound, OwnerReserved
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import MAX_ID, User
from trivium.forge.bounds import check_description
from trivium.forge.events import journal
from trivium.forge.events.event import in_names, values_before
from trivium.forge.events.groups import MemberAdded, MemberRemoved, UserGroupChanged, UserGroupCreated, UserGroupDeleted
from trivium.forge.grants.on_objects import factory_level, grant_row
from trivium.forge.naming import searching
from trivium.forge.partial_changes import PartialChanges
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.names import check_user_group, is_clean_text, key_of
from trivium.store.engine import Record, insert_id
from trivium.store.tables import DEFAULT_USER_ID, now, user_group_members, user_groups, users


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group and what the caller who looked it up may do with it."""

    id: int
    name: str
    description: str
    active: bool
    owner_id: int
    owner: str
    level: Level


def _columns(level: Any) -> tuple[Any, ...]:
    groups = user_groups.c
    return (
        groups.id,
        groups.name,
        groups.description,
        groups.active,
        groups.owner_id,
        users.c.username,
        level.label("level"),
    )


_OWNED: Final = user_groups.join(users, users.c.id == user_groups.c.owner_id)
_ONE = select(*_columns(effective_level(USER_GROUPS))).select_from(_OWNED)
_BY_ID = _ONE.where(user_groups.c.id == bindparam("sought"))
# The index is on the key.
_BY_NAME = _ONE.where(user_groups.c.name_key == bindparam("key"), user_groups.c.name == bindparam("sought"))


def _all_statement() -> Any:
    source, level = levels_joined(USER_GROUPS)
    return (
        select(*_columns(level))
        .select_from(source.join(users, users.c.id == user_groups.c.owner_id))
        .where(level >= int(Level.READ))
        .order_by(func.lower(user_groups.c.name))
    )


_ALL = _all_statement()
_TAKEN = select(user_groups.c.id).where(user_groups.c.name_key == bindparam("sought"))


def _group_of(row: Record) -> UserGroup:
    columns = [*row[:-1], Level(row[-1])]
    return UserGroup(*columns)


def find(db: Connection, caller: Caller, given: object, needs: Level) -> UserGroup:
    """The group that an argument names (api-users.md 2.2), if the caller has at least `needs` on it."""
    row = None
    if isinstance(given, int) and not isinstance(given, bool):
        row = _by_id(db, caller, given)
    elif isinstance(given, str) and given and is_clean_text(given):
        if (group_id := accounts.id_in(given)) is not None:
            row = _by_id(db, caller, group_id)
        row = row or db.execute(_BY_NAME, binds(caller) | {"sought": given, "key": key_of(given)}).first()
    if row is None or row.level < needs:
        raise NotFound(Kind.USER_GROUP, given)
    return _group_of(row)


def _by_id(db: Connection, caller: Caller, group_id: int) -> Record | None:
    if not 0 <= group_id <= MAX_ID:
        return None
    return db.execute(_BY_ID, binds(caller) | {"sought": group_id}).first()


def readable(db: Connection, caller: Caller) -> list[UserGroup]:
    """All groups that the caller may read, by name."""
    return [_group_of(row) for row in db.execute(_ALL, binds(caller))]


def create(
    site: Site, caller: Caller, *, name: str, description: str = "", owner: object = None, active: bool = True
) -> UserGroup:
    """Create a group. `owner` is named as in an argument, None is the caller; only super-admins may name others."""
    with site.store.write() as db:
        check_may_create(db, caller)
        if is_clean_text(name) and db.execute(_TAKEN, {"sought": key_of(name)}).first():
            raise AlreadyExists(Kind.USER_GROUP, name)
        check_user_group(name)
        check_description(description)
        owning = _owner(db, caller, owner)
        group_id = insert_id(
            db,
            user_groups,
            name=name,
            name_key=key_of(name),
            description=description,
            active=active,
            owner_id=owning.id,
            created_on=now(),
        )
        key = key_of(name)
        searching.called(db, searching.USER_GROUPS, [searching.Named(group_id, key, key)], new=True)
        default = factory_level(
            global_permissions(db, accounts.by_id(db, DEFAULT_USER_ID).as_caller("")), Scope.USER_GROUP
        )
        grant_row(db, USER_GROUPS, group_id, user_id=DEFAULT_USER_ID, level=default)
        grant_row(db, USER_GROUPS, group_id, user_id=owning.id, level=Level.ADMIN)
        journal.record(db, caller, UserGroupCreated(subject=name, owner=owning.username))
        return _reread(db, caller, group_id)


def may_create(db: Connection, caller: Caller) -> bool:
    """Whether somebody may create user groups."""
    return not caller.anonymous and allows_globally(db, caller, "hg.usergroup.create.true")


def check_may_create(db: Connection, caller: Caller) -> None:
    """Raise `Forbidden` for callers who may not create user groups."""
    if not allows_globally(db, caller, "hg.usergroup.create.true"):
        raise Forbidden


def _owner(db: Connection, caller: Caller, given: object) -> User:
    if given is None:
        return accounts.by_id(db, caller.user_id)
    owner = accounts.find(db, given)
    if owner.id != caller.user_id and not caller.super_admin:
        raise OwnerReserved
    if owner.id == DEFAULT_USER_ID:
        raise Invalid("The user default owns nothing.", about="owner")
    return owner


class UserGroupChanges(PartialChanges, frozen=True, kw_only=True):
    """Wanted changes of a user group."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    owner: User | UnsetType = UNSET
    active: bool | UnsetType = UNSET


def update_group(
    site: Site, caller: Caller, group: UserGroup, wanted: UserGroupChanges, seen: Seen = whatever
) -> UserGroup:
    """Make the wanted changes and leave the rest."""
    changes: dict[str, Any] = {}
    if wanted.name is not UNSET:
        changes |= {"name": check_user_group(wanted.name), "name_key": key_of(wanted.name)}
    if wanted.description is not UNSET:
        changes["description"] = check_description(wanted.description)
    if wanted.owner is not UNSET:
        if wanted.owner.id == DEFAULT_USER_ID:
            raise Invalid("The user default owns nothing.", about="owner")
        changes["owner_id"] = wanted.owner.id
    changes |= wanted.given("active")
    with site.store.write() as db:
        seen(db, caller)
        if "name" in changes:
            holder = db.execute(_TAKEN, {"sought": changes["name_key"]}).scalar()
            if holder not in (None, group.id):
                raise AlreadyExists(Kind.USER_GROUP, changes["name"])
        if changes:
            was = in_names(db, values_before(db, user_groups, group.id, changes))
            db.execute(update(user_groups).where(user_groups.c.id == group.id).values(**changes))
            if "name_key" in changes:
                key = changes["name_key"]
                searching.called(db, searching.USER_GROUPS, [searching.Named(group.id, key, key)])
            journal.record(db, caller, UserGroupChanged(subject=group.name, changes=in_names(db, changes), was=was))
        return _reread(db, caller, group.id)


def _reread(db: Connection, caller: Caller, group_id: int) -> UserGroup:
    """The group after a change, even if the change took the caller's rights away."""
    row = _by_id(db, caller, group_id)
    if row is None:
        raise NotFound(Kind.USER_GROUP, group_id)
    return _group_of(row)


def delete_group(site: Site, caller: Caller, group: UserGroup) -> None:
    """Delete a group; raises `InUse` while it has rows on repositories or repository groups.

    Raises `NotFound` when it is gone already.
    """
    with site.store.write() as db:
        used, visible = _assigned(db, caller, group)
        if used:
            raise InUse(visible)
        if not db.execute(delete(user_groups).where(user_groups.c.id == group.id)).rowcount:
            raise NotFound(Kind.USER_GROUP, group.id)
        journal.record(db, caller, UserGroupDeleted(subject=group.name))


def assigned_to(db: Connection, caller: Caller, group: UserGroup, most: int = 100) -> list[str]:
    """The first repositories and repository groups that a group has rows on, of those that the caller may see."""
    return _assigned(db, caller, group, most)[1]


def _assigned(db: Connection, caller: Caller, group: UserGroup, most: int | None = None) -> tuple[bool, list[str]]:
    """Whether a group has rows on repositories or their groups, and on which of those that the caller may see."""
    used = False
    visible: list[str] = []
    for tables in (REPOSITORIES, REPO_GROUPS):
        rows = db.execute(
            select(tables.objects.c.name, effective_level(tables))
            .join(tables.grants, tables.grants.c.object_id == tables.objects.c.id)
            .where(tables.grants.c.group_id == group.id)
            .order_by(tables.objects.c.name)
            .limit(most),
            binds(caller),
        ).all()
        used = used or bool(rows)
        visible += [name for name, level in rows if level >= Level.READ]
    return used, visible


def add_member(site: Site, caller: Caller, group: UserGroup, user: User) -> bool:
    """Put a user into a group; False when they were in already."""
    if user.id == DEFAULT_USER_ID:
        raise Invalid("The user default is no member of any group.", about="user")
    with site.store.write(told_apart=True) as db:
        if _is_member(db, group, user):
            return False
        db.execute(insert(user_group_members).values(user_group_id=group.id, user_id=user.id))
        rights_change(db, user_id=user.id)
        journal.record(db, caller, MemberAdded(subject=group.name, member=user.username))
    return True


def remove_member(site: Site, caller: Caller, group: UserGroup, user: User) -> bool:
    """Take a user out of a group; False when they were not in."""
    with site.store.write(told_apart=True) as db:
        if not _is_member(db, group, user):
            return False
        db.execute(
            delete(user_group_members).where(
                user_group_members.c.user_group_id == group.id, user_group_members.c.user_id == user.id
            )
        )
        rights_change(db, user_id=user.id)
        journal.record(db, caller, MemberRemoved(subject=group.name, member=user.username))
    return True


def _is_member(db: Connection, group: UserGroup, user: User) -> bool:
    where = (user_group_members.c.user_group_id == group.id, user_group_members.c.user_id == user.id)
    return db.execute(select(user_group_members.c.user_id).where(*where)).first() is not None
