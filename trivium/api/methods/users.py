# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods about users (api-users.md 7)."""

from __future__ import annotations

from typing import Any

from trivium.access.permissions import all_permissions
from trivium.api.arguments import AnyUser, Flag, Name, OwnUser, Text, given
from trivium.api.methods.registered import registry
from trivium.api.objects.users import known_to, permissions_object, sight_of, user_object, user_objects
from trivium.api.registry import Call
from trivium.api.texts import Refusal, failing_as
from trivium.errors import AlreadyExists, Busy, Forbidden, InUse, Invalid, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User, UserChanges
from trivium.forge.accounts.viewing import account, key_opener, with_details
from trivium.turns import Pace


def _shown(call: Call, user: User) -> dict[str, Any]:
    """A user who may be seen with their keys."""
    with call.site.store.read() as db:
        seen = account(db, user, key_opener(call.site))
    return user_object(seen, sight_of(known_to(call.caller), user.id, keys=True))


@registry.method(pace=Pace.AT_ONCE)
def get_user(call: Call, userid: OwnUser | None = None) -> dict[str, Any]:
    """A user with their effective permissions.

    Without `userid`, the caller. Regular users may ask for themselves only; super-admins for everybody. Keys are
    shown to their owner and to super-admins.
    """
    with call.site.store.read() as db:
        user = userid or accounts.by_id(db, call.caller.user_id)
        with_none = call.caller.super_admin
        permissions = call.remember(
            ("permissions", user.id, with_none),
            lambda: {"permissions": permissions_object(all_permissions(db, user.as_caller("")), with_none=with_none)},
            rights_of=user,
        )
        return {**_shown(call, user), **permissions}


@registry.method(super_admin=True)
def get_users(call: Call) -> list[dict[str, Any]]:
    """All users, sorted by name, without their permissions.

    Only super-admins may call it. The special user `default` is not listed.
    """
    with call.site.store.read() as db:
        everybody = with_details(db, accounts.everybody(db), key_opener(call.site))
    return user_objects(everybody, known_to(call.caller), keys=True)


@registry.method(super_admin=True, failure="failed to create user `{username}`")
def create_user(
    call: Call,
    username: Name,
    email: Text,
    password: Text = "",
    firstname: Text = "",
    lastname: Text = "",
    active: Flag = True,
    admin: Flag = False,
    extern_name: Text = "rhodecode",
    extern_type: Text = "rhodecode",
    force_password_change: Flag = False,
) -> dict[str, Any]:
    """Create a user with a key of their own.

    Only super-admins may call it. Without a password the account works with its key only; with an `extern_name`
    other than `rhodecode` another system keeps the password.

    A user name begins with a letter, digit or underscore; dots and hyphens may follow, up to 255 characters, letters of
    every script in their composed form (NFC). It is unique ignoring case and the width of letters, is no number, and is
    not `default` or `new_user`. A password has 6 to 1,024 characters. First and last name have up to 255 characters.
    An e-mail address has up to 255 characters, is stored in small letters and belongs to one user. What is not so is
    refused, never repaired.
    """
    user = accounts.create(
        call.site,
        call.caller,
        username=username,
        email=email,
        password=password,
        firstname=firstname,
        lastname=lastname,
        active=active,
        admin=admin,
        extern_name=extern_name,
        extern_type=extern_type,
        force_password_change=force_password_change,
    )
    return {"msg": f"created new user `{user.username}`", "user": _shown(call, user)}


@registry.method(super_admin=True, failure="failed to update user `{userid}`")
def update_user(
    call: Call,
    userid: AnyUser,
    username: Name | None = None,
    email: Text | None = None,
    password: Text | None = None,
    firstname: Text | None = None,
    lastname: Text | None = None,
    active: Flag | None = None,
    admin: Flag | None = None,
    extern_type: Text | None = None,
    extern_name: Text | None = None,
) -> dict[str, Any]:
    """Change what is given of a user and leave the rest.

    Only super-admins may call it. The key, what they own and their permissions survive a new name or password. The
    last active super-admin stays one. Names and passwords are those that `create_user` takes.
    """
    try:
        user = accounts.update_account(
            call.site,
            call.caller,
            userid,
            UserChanges(
                username=given(username),
                email=given(email),
                password=given(password),
                firstname=given(firstname),
                lastname=given(lastname),
                active=given(active),
                admin=given(admin),
                extern_type=given(extern_type),
                extern_name=given(extern_name),
            ),
        )
    except Forbidden as error:
        raise Refusal("editing default user is forbidden") from error
    except AlreadyExists as error:
        raise Invalid("the name or address belongs to somebody else") from error
    return {"msg": f"updated user ID:{user.id} {user.username}", "user": _shown(call, user)}


@registry.method(super_admin=True)
def delete_user(call: Call, userid: AnyUser) -> dict[str, Any]:
    """Delete a user with their keys, memberships and permissions.

    Only super-admins may call it. Refused while they own repositories, repository groups or user groups.
    """
    with failing_as(f"failed to delete user ID:{userid.id} {userid.username}", InUse, Invalid, Busy, NotFound):
        accounts.delete_account(call.site, call.caller, userid)
    return {"msg": f"deleted user ID:{userid.id} {userid.username}", "user": None}
