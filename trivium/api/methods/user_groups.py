# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods about user groups (api-users.md 8)."""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Scope, parse_permission
from trivium.api.arguments import (
    AdministeredUserGroup,
    AnyUser,
    Flag,
    ReadableUserGroup,
    Someone,
    Text,
    Word,
    given,
)
from trivium.api.methods.registered import registry
from trivium.api.objects.user_groups import user_group_object, user_group_objects, user_group_page
from trivium.api.objects.users import known_to, user_objects
from trivium.api.registry import Call
from trivium.api.texts import failing_as
from trivium.errors import AlreadyExists, Busy, Invalid, NotFound, OwnerReserved
from trivium.forge.accounts.viewing import key_opener
from trivium.forge.grants.on_objects import Subject, Target, set_permission
from trivium.forge.groups import user_groups, viewing
from trivium.forge.groups.user_groups import UserGroup, UserGroupChanges

_OLD = {"usersgroupid": "usergroupid"}


def _shown(call: Call, group: UserGroup, *, keys: bool) -> dict[str, Any]:
    """A user group that was just changed."""
    with call.site.store.read() as db:
        users = viewing.users_in(db, group, key_opener(call.site) if keys else None)
    return user_group_object(group, user_objects(users, known_to(call.caller), keys=keys))


@registry.method(aliases=("get_users_group",), renamed=_OLD)
def get_user_group(call: Call, usergroupid: ReadableUserGroup) -> dict[str, Any]:
    """A user group with its members and with who may do what with it.

    Needs usergroup.read on the group.
    """
    with call.site.store.read() as db:
        page = viewing.user_group_page(db, usergroupid)
    return user_group_page(page, known_to(call.caller))


@registry.method(aliases=("get_users_groups",))
def get_user_groups(call: Call) -> list[dict[str, Any]]:
    """The user groups that the caller may read, sorted by name.

    Anybody may call it; super-admins get all groups.
    """
    keys = call.caller.super_admin
    with call.site.store.read() as db:
        listed = viewing.readable_user_groups(db, call.caller, key_opener(call.site) if keys else None)
    return user_group_objects(listed, known_to(call.caller), keys=keys)


def _may_create(call: Call) -> None:
    with call.site.store.read() as db:
        user_groups.check_may_create(db, call.caller)


@registry.method(failure="failed to create group `{group_name}`", guard=_may_create, aliases=("create_users_group",))
def create_user_group(
    call: Call, group_name: Text, description: Text = "", owner: Someone = None, active: Flag = True
) -> dict[str, Any]:
    """Create a user group.

    Needs super-admin rights or the permission to create user groups; only super-admins choose another owner. The
    owner administers the group and is no member of it.

    A name begins with a letter, digit or underscore; dots, hyphens and blanks may follow, up to 255 characters, letters
    of every script in their composed form (NFC); it does not end with a blank. It is unique ignoring case. A
    description has up to 16 KiB.
    """
    with failing_as(f"failed to create group `{group_name}`", NotFound, OwnerReserved):
        group = user_groups.create(
            call.site, call.caller, name=group_name, description=description, owner=owner, active=active
        )
    return {"msg": f"created new user group `{group.name}`", "user_group": _shown(call, group, keys=False)}


@registry.method(failure="failed to update user group `{usergroupid}`", aliases=("update_users_group",), renamed=_OLD)
def update_user_group(
    call: Call,
    usergroupid: AdministeredUserGroup,
    group_name: Text | None = None,
    description: Text | None = None,
    owner: AnyUser | None = None,
    active: Flag | None = None,
) -> dict[str, Any]:
    """Change what is given of a user group and leave the rest.

    Needs usergroup.admin on the group.
    """
    try:
        group = user_groups.update_group(
            call.site,
            call.caller,
            usergroupid,
            UserGroupChanges(
                name=given(group_name), description=given(description), owner=given(owner), active=given(active)
            ),
        )
    except AlreadyExists as error:
        raise Invalid("the name is taken") from error
    return {
        "msg": f"updated user group ID:{group.id} {group.name}",
        "user_group": _shown(call, group, keys=call.caller.super_admin),
    }


@registry.method(aliases=("delete_users_group",), renamed=_OLD)
def delete_user_group(call: Call, usergroupid: AdministeredUserGroup) -> dict[str, Any]:
    """Delete a user group.

    Needs usergroup.admin on the group. Refused while the group has permissions on repositories or repository groups.
    """
    with failing_as(f"failed to delete user group ID:{usergroupid.id} {usergroupid.name}", Invalid, Busy, NotFound):
        user_groups.delete_group(call.site, call.caller, usergroupid)
    return {"msg": f"deleted user group ID:{usergroupid.id} {usergroupid.name}", "user_group": None}


@registry.method(aliases=("add_user_to_users_group",), renamed=_OLD)
def add_user_to_user_group(call: Call, usergroupid: AdministeredUserGroup, userid: AnyUser) -> dict[str, Any]:
    """Put a user into a group.

    Needs usergroup.admin on the group. `success` is false when they are in already.
    """
    with failing_as(f"failed to add member to user group `{usergroupid.name}`", Invalid, Busy):
        added = user_groups.add_member(call.site, call.caller, usergroupid, userid)
    msg = f"added member `{userid.username}` to user group `{usergroupid.name}`"
    return {"success": added, "msg": msg if added else "User is already in that group"}


@registry.method(aliases=("remove_user_from_users_group",), renamed=_OLD)
def remove_user_from_user_group(call: Call, usergroupid: AdministeredUserGroup, userid: AnyUser) -> dict[str, Any]:
    """Take a user out of a group.

    Needs usergroup.admin on the group. `success` is false when they were not in.
    """
    with failing_as(f"failed to remove member from user group `{usergroupid.name}`", Invalid, Busy):
        removed = user_groups.remove_member(call.site, call.caller, usergroupid, userid)
    msg = f"removed member `{userid.username}` from user group `{usergroupid.name}`"
    return {"success": removed, "msg": msg if removed else "User wasn't in group"}


def _target(group: UserGroup) -> Target:
    return Target(Scope.USER_GROUP, group.id, group.name)


@registry.method(
    failure="failed to edit permission for user: `{userid}` in user group: `{usergroupid}`",
    aliases=("grant_user_permission_to_users_group",),
    renamed=_OLD,
)
def grant_user_permission_to_user_group(
    call: Call, usergroupid: AdministeredUserGroup, userid: AnyUser, perm: Word
) -> dict[str, Any]:
    """Give a user a permission on a user group, replacing the one they have.

    Needs usergroup.admin on the group. `perm` is usergroup.none, .read, .write or .admin; the user `default` stands
    for everybody.
    """
    level = parse_permission(perm, Scope.USER_GROUP)
    set_permission(call.site, call.caller, _target(usergroupid), Subject(userid.username, user_id=userid.id), level)
    msg = f"Granted perm: `{perm}` for user: `{userid.username}` in user group: `{usergroupid.name}`"
    return {"msg": msg, "success": True}


@registry.method(
    failure="failed to edit permission for user: `{userid}` in user group: `{usergroupid}`",
    aliases=("revoke_user_permission_from_users_group",),
    renamed=_OLD,
)
def revoke_user_permission_from_user_group(
    call: Call, usergroupid: AdministeredUserGroup, userid: AnyUser
) -> dict[str, Any]:
    """Take a user's own permission on a user group away; what they have by other ways stays.

    Needs usergroup.admin on the group.
    """
    set_permission(call.site, call.caller, _target(usergroupid), Subject(userid.username, user_id=userid.id), None)
    msg = f"Revoked perm for user: `{userid.username}` in user group: `{usergroupid.name}`"
    return {"msg": msg, "success": True}


@registry.method(
    failure="failed to edit permission for user group: `{sourceusergroupid}` in user group: `{usergroupid}`",
    aliases=("grant_users_group_permission_to_users_group",),
    renamed=_OLD,
)
def grant_user_group_permission_to_user_group(
    call: Call, usergroupid: AdministeredUserGroup, sourceusergroupid: ReadableUserGroup, perm: Word
) -> dict[str, Any]:
    """Give the members of one user group a permission on another one.

    Needs usergroup.admin on the target `usergroupid` and usergroup.read on `sourceusergroupid`, whose members get it.
    """
    level = parse_permission(perm, Scope.USER_GROUP)
    _grant_between(call, usergroupid, sourceusergroupid, level)
    msg = f"Granted perm: `{perm}` for user group: `{sourceusergroupid.name}` in user group: `{usergroupid.name}`"
    return {"msg": msg, "success": True}


@registry.method(
    failure="failed to edit permission for user group: `{sourceusergroupid}` in user group: `{usergroupid}`",
    aliases=("revoke_users_group_permission_from_users_group",),
    renamed=_OLD,
)
def revoke_user_group_permission_from_user_group(
    call: Call, usergroupid: AdministeredUserGroup, sourceusergroupid: ReadableUserGroup
) -> dict[str, Any]:
    """Take the permission of one user group on another one away.

    Needs usergroup.admin on the target `usergroupid` and usergroup.read on `sourceusergroupid`.
    """
    _grant_between(call, usergroupid, sourceusergroupid, None)
    msg = f"Revoked perm for user group: `{sourceusergroupid.name}` in user group: `{usergroupid.name}`"
    return {"msg": msg, "success": True}


def _grant_between(call: Call, target: UserGroup, source: UserGroup, level: Any) -> None:
    given = call.echo("sourceusergroupid")
    failure = f"failed to edit permission for user group: `{given}` in user group: `{target.name}`"
    with failing_as(failure, Invalid, Busy):
        if target.id == source.id and level is not None:
            raise Invalid("a user group has no permission on itself")
        set_permission(call.site, call.caller, _target(target), Subject(source.name, group_id=source.id), level)
