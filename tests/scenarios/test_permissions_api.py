# SPDX-License-Identifier: GPL-3.0-or-later
"""Granting and revoking on repositories, repository groups and user groups (api-users.md 8, api-repos.md 4, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import Api
from tests.support.kinds import KINDS, LEVELS, REPO_GROUP, REPOSITORY, USER_GROUP, Kind, every_kind
from tests.support.servers import Server
from tests.support.values import echoed


@every_kind
def test_messages_of_users(root: Api, kind: Kind) -> None:
    ada, thing = root.new_user(), kind.new(root)
    recursive = " (recursive:none)" if kind is REPO_GROUP else ""
    for given in (thing.id, str(thing.id), thing.name):
        for userid in (ada.id, str(ada.id), ada.name):
            for level in LEVELS:
                granted = root(kind.grant_user, **{kind.argument: given}, userid=userid, perm=f"{kind.prefix}.{level}")
                perm = f"`{kind.prefix}.{level}`{recursive}"
                msg = f"Granted perm: {perm} for user: `{ada.name}` in {kind.place}: `{thing.name}`"
                assert granted == {"msg": msg, "success": True}
            for _ in range(2):  # also when there is nothing to take
                revoked = root(kind.revoke_user, **{kind.argument: given}, userid=userid)
                msg = f"Revoked perm{recursive} for user: `{ada.name}` in {kind.place}: `{thing.name}`"
                assert revoked == {"msg": msg, "success": True}


@every_kind
def test_messages_of_groups(root: Api, kind: Kind) -> None:
    people, thing = root.new_user_group(), kind.new(root)
    whom = "group" if kind is REPOSITORY else "user group"
    recursive = " (recursive:none)" if kind is REPO_GROUP else ""
    for given in (thing.id, str(thing.id), thing.name):
        for group in (people.id, str(people.id), people.name):
            args = {kind.argument: given, kind.group_argument: group}
            for level in LEVELS:
                granted = root(kind.grant_group, **args, perm=f"{kind.prefix}.{level}")
                perm = f"`{kind.prefix}.{level}`{recursive}"
                msg = f"Granted perm: {perm} for {whom}: `{people.name}` in {kind.place}: `{thing.name}`"
                assert granted == {"msg": msg, "success": True}
            for _ in range(2):
                revoked = root(kind.revoke_group, **args)
                msg = f"Revoked perm{recursive} for {whom}: `{people.name}` in {kind.place}: `{thing.name}`"
                assert revoked == {"msg": msg, "success": True}


@every_kind
def test_a_grantee_has_one_row_and_a_new_grant_replaces_it(root: Api, kind: Kind) -> None:
    ada, people, thing = root.new_user(), root.new_user_group(), kind.new(root)
    for level in ("read", "admin", "admin", "none"):
        kind.give(root, thing, ada.id, level)
        kind.give_group(root, thing, people, level)
        members = root(kind.getter, **{kind.argument: thing.id})["members"]
        for row in members:
            row.pop("username", None)  # those of user groups tell it twice
        assert [row for row in members if row["name"] in (ada.name, people.name)] == [
            {"name": ada.name, "permission": f"{kind.prefix}.{level}", "origin": "permission", "type": "user"},
            {"name": people.name, "permission": f"{kind.prefix}.{level}", "origin": "permission", "type": "user_group"},
        ]


@pytest.mark.parametrize("kind", [REPOSITORY, REPO_GROUP], ids=lambda kind: kind.prefix)
def test_nested_groups_are_named_in_full(root: Api, kind: Kind) -> None:
    top, ada = root.new_repo_group(), root.new_user()
    thing = kind.new(root, name=f"{top.name}/inner")
    assert kind.give(root, thing, ada.id, "read")["msg"].endswith(f": `{top.name}/inner`")


NO_PERMISSIONS: list[Any] = [
    *("", "read", "repository", "repository.", "repository.READ", "Repository.read", " repository.read", "group.owner"),
    *("hg.read", "usergroup.reads", "repository.read\0", "%", None, True, 1, 1.5, [], ["repository.read"], {}),
]


@every_kind
def test_permissions_that_do_not_exist(server: Server, root: Api, kind: Kind) -> None:
    ada, people, thing = root.new_user(), root.new_user_group(), kind.new(root)
    with server.unchanged():
        for perm in NO_PERMISSIONS:
            for method, whom in (
                (kind.grant_user, {"userid": ada.id}),
                (kind.grant_group, {kind.group_argument: people.id}),
            ):
                said = root.error(method, **{kind.argument: thing.id}, **whom, perm=perm)
                assert said == f"permission `{echoed(perm)}` does not exist"


@every_kind
def test_permissions_of_another_kind(server: Server, root: Api, kind: Kind) -> None:
    ada, people, thing = root.new_user(), root.new_user_group(), kind.new(root)
    foreign = [f"{other.prefix}.{level}" for other in KINDS for level in LEVELS if other is not kind]
    with server.unchanged():
        for perm in [*foreign, "hg.admin", "hg.create.repository", "hg.inherit_default_perms.true"]:
            said = f"permission `{perm}` is invalid, should start with {kind.prefix}."
            assert root.error(kind.grant_user, **{kind.argument: thing.id}, userid=ada.id, perm=perm) == said
            args = {kind.argument: thing.id, kind.group_argument: people.id}
            assert root.error(kind.grant_group, **args, perm=perm) == said


@every_kind
def test_grantees_that_do_not_exist(server: Server, root: Api, kind: Kind) -> None:
    thing = kind.new(root)
    perm = {"perm": f"{kind.prefix}.read"}
    with server.unchanged():
        for whom, shown in ((10**9, "1000000000"), ("nobody", "nobody"), (True, "true"), (None, "null"), ([], "[]")):
            for method, more in ((kind.grant_user, perm), (kind.revoke_user, {})):
                said = root.error(method, **{kind.argument: thing.id}, userid=whom, **more)
                assert said == f"user `{shown}` does not exist"
            for method, more in ((kind.grant_group, perm), (kind.revoke_group, {})):
                said = root.error(method, **{kind.argument: thing.id, kind.group_argument: whom}, **more)
                assert said == f"user group `{shown}` does not exist"


@every_kind
def test_a_user_group_that_one_may_not_read_gets_nothing_from_who_is_no_super_admin(root: Api, kind: Kind) -> None:
    owner, hidden = root.new_user(), root.new_user_group()
    thing = kind.new(root, owner=owner.id)
    USER_GROUP.give(root, hidden, "default", "none")
    for given in (hidden.id, hidden.name):
        args = {kind.argument: thing.id, kind.group_argument: given}
        assert owner.api.error(kind.grant_group, **args, perm=f"{kind.prefix}.read") == USER_GROUP.missing(given)
        assert owner.api.error(kind.revoke_group, **args) == USER_GROUP.missing(given)
    USER_GROUP.give(root, hidden, owner.id, "read")
    assert kind.give_group(owner.api, thing, hidden, "read")["success"] is True


def test_a_user_group_has_no_permission_on_itself(server: Server, root: Api) -> None:
    group = root.new_user_group()
    with server.unchanged():
        for target in (group.id, group.name):
            for source in (group.id, group.name):
                assert (
                    root.error(
                        USER_GROUP.grant_group, usergroupid=target, sourceusergroupid=source, perm="usergroup.read"
                    )
                    == f"failed to edit permission for user group: `{source}` in user group: `{group.name}`"
                )
