# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of objects that permissions are about, so that a scenario can be told once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.clients import Api, Thing

LEVELS = ("none", "read", "write", "admin")


@dataclass(frozen=True)
class Kind:
    """One kind of object and the methods about its permissions."""

    prefix: str
    noun: str
    argument: str
    place: str
    """What messages call it."""
    getter: str
    listed: str
    """Where `get_user` lists what somebody may do with it."""
    grant_user: str
    revoke_user: str
    grant_group: str
    revoke_group: str
    group_argument: str = "usergroupid"

    def new(self, root: Api, **args: Any) -> Thing:
        if self.prefix == "repository":
            return root.new_repo(**args)
        return root.new_repo_group(**args) if self.prefix == "group" else root.new_user_group(**args)

    def level(self, root: Api, thing: Thing, userid: object) -> str:
        """What somebody may do with an object, without the prefix."""
        permissions = root("get_user", userid=userid)["permissions"][self.listed]
        prefix, level = permissions[thing.name].split(".")
        assert prefix == self.prefix
        return str(level)

    def give(self, root: Api, thing: Thing, userid: object, level: str) -> Any:
        return root(self.grant_user, **{self.argument: thing.id}, userid=userid, perm=f"{self.prefix}.{level}")

    def take(self, root: Api, thing: Thing, userid: object) -> Any:
        return root(self.revoke_user, **{self.argument: thing.id}, userid=userid)

    def give_group(self, root: Api, thing: Thing, group: Thing, level: str) -> Any:
        args = {self.argument: thing.id, self.group_argument: group.id}
        return root(self.grant_group, **args, perm=f"{self.prefix}.{level}")

    def take_group(self, root: Api, thing: Thing, group: Thing) -> Any:
        return root(self.revoke_group, **{self.argument: thing.id, self.group_argument: group.id})

    def missing(self, given: object) -> str:
        return f"{self.noun} `{given}` does not exist"


REPOSITORY = Kind(
    prefix="repository",
    noun="repository",
    argument="repoid",
    place="repo",
    getter="get_repo",
    listed="repositories",
    grant_user="grant_user_permission",
    revoke_user="revoke_user_permission",
    grant_group="grant_user_group_permission",
    revoke_group="revoke_user_group_permission",
)
REPO_GROUP = Kind(
    prefix="group",
    noun="repository group",
    argument="repogroupid",
    place="repo group",
    getter="get_repo_group",
    listed="repositories_groups",
    grant_user="grant_user_permission_to_repo_group",
    revoke_user="revoke_user_permission_from_repo_group",
    grant_group="grant_user_group_permission_to_repo_group",
    revoke_group="revoke_user_group_permission_from_repo_group",
)
USER_GROUP = Kind(
    prefix="usergroup",
    noun="user group",
    argument="usergroupid",
    place="user group",
    getter="get_user_group",
    listed="user_groups",
    grant_user="grant_user_permission_to_user_group",
    revoke_user="revoke_user_permission_from_user_group",
    grant_group="grant_user_group_permission_to_user_group",
    revoke_group="revoke_user_group_permission_from_user_group",
    group_argument="sourceusergroupid",
)
KINDS = (REPOSITORY, REPO_GROUP, USER_GROUP)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.prefix)
