# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with an object, as answers show it (api-users.md 4.3, api-repos.md 2.6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trivium.access.levels import Scope
from trivium.forge.grants.on_objects import Member


def member_rows(members: Iterable[Member], scope: Scope) -> list[dict[str, Any]]:
    """The members of an object.

    A user in a user group's list has the name under two keys: clients look for either.
    """
    return [
        {
            "name": member.name,
            "permission": scope.name_of(member.level),
            "origin": member.origin,
            "type": "user_group" if member.is_group else "user",
        }
        | ({"username": member.name} if scope is Scope.USER_GROUP and not member.is_group else {})
        for member in members
    ]
