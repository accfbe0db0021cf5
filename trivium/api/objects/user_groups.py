# SPDX-License-Identifier: GPL-3.0-or-later
"""User groups as answers show them (api-users.md 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trivium.access.levels import Scope
from trivium.api.objects.members import member_rows
from trivium.api.objects.users import Known, user_objects
from trivium.forge.groups.user_groups import UserGroup
from trivium.forge.groups.viewing import UserGroupList, UserGroupPage

Json = dict[str, Any]


def user_group_object(group: UserGroup, users: Sequence[Json]) -> Json:
    """A user group with the user objects of its members."""
    return {
        "users_group_id": group.id,
        "group_name": group.name,
        "group_description": group.description,
        "active": group.active,
        "owner": group.owner,
        "users": users,
    }


def user_group_objects(listed: UserGroupList, known: Known, *, keys: bool) -> list[Json]:
    """User groups as `get_user_groups` lists them, in an answer that shows `keys` or does not."""
    shown = {user["user_id"]: user for user in user_objects(listed.accounts.values(), known, keys=keys)}
    return [
        user_group_object(group, [shown[user_id] for user_id in listed.users.get(group.id, ())])
        for group in listed.groups
    ]


def user_group_page(page: UserGroupPage, known: Known) -> Json:
    """A user group as `get_user_group` shows it, with who may do what with it."""
    shown = user_group_object(page.group, user_objects(page.users, known, keys=False))
    return shown | {"members": member_rows(page.members, Scope.USER_GROUP)}
