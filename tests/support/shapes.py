# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented shapes of answers: every key and its JSON type (api-users.md 4, api-repos.md 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "*" * 40
KEY = re.compile(r"[0-9a-f]{40}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?")

Shape = Mapping[str, type | tuple[type, ...]]

_NONE = type(None)

USER: Shape = {
    "user_id": int,
    "username": str,
    "firstname": str,
    "lastname": str,
    "email": (str, _NONE),
    "emails": list,
    "active": bool,
    "admin": bool,
    "api_key": str,
    "api_keys": list,
    "ip_addresses": list,
    "extern_name": str,
    "extern_type": str,
    "last_login": (str, _NONE),
    "language": (str, _NONE),
}
USER_WITH_PERMISSIONS: Shape = {**USER, "permissions": dict}
PERMISSIONS: Shape = {"global": list, "repositories": dict, "repositories_groups": dict, "user_groups": dict}
USER_GROUP: Shape = {
    "users_group_id": int,
    "group_name": str,
    "group_description": str,
    "active": bool,
    "owner": str,
    "users": list,
}
USER_GROUP_WITH_MEMBERS: Shape = {**USER_GROUP, "members": list}
MEMBER: Shape = {"name": str, "permission": str, "origin": str, "type": str}
REPOSITORY: Shape = {
    "repo_id": int,
    "repo_name": str,
    "repo_type": str,
    "clone_uri": (str, _NONE),
    "private": bool,
    "created_on": str,
    "description": str,
    "landing_rev": list,
    "owner": str,
    "fork_of": (str, _NONE),
    "enable_downloads": bool,
    "enable_locking": bool,
    "enable_statistics": bool,
    "last_changeset": dict,
    "url": str,
    "locked_by": (dict, _NONE),
    "locked_date": (str, _NONE),
    "lock_reason": (str, _NONE),
}
REPOSITORY_WITH_MEMBERS: Shape = {**REPOSITORY, "members": list, "permissions": list, "followers": list}
CHANGESET: Shape = {
    "raw_id": str,
    "short_id": str,
    "revision": int,
    "author": str,
    "date": str,
    "message": str,
    "parents": list,
    "branch": (str, _NONE),
}
REPO_GROUP: Shape = {
    "group_id": int,
    "group_name": str,
    "group_description": str,
    "parent_group": (str, _NONE),
    "owner": str,
    "repositories": list,
}
REPO_GROUP_WITH_MEMBERS: Shape = {**REPO_GROUP, "members": list}
NO_CHANGESET = {
    "raw_id": "0" * 40,
    "short_id": "0" * 12,
    "revision": -1,
    "author": "",
    "date": "1970-01-01T00:00:00",
    "message": "",
    "parents": [],
    "branch": None,
}


def assert_shape(value: Any, shape: Shape) -> None:
    """`value` has exactly the keys of `shape`, each with a value of its type; a number is not a boolean."""
    assert isinstance(value, dict)
    assert set(value) == set(shape)
    for key, types in shape.items():
        allowed = types if isinstance(types, tuple) else (types,)
        assert type(value[key]) in allowed, f"{key} is {value[key]!r}"
