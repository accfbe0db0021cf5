# SPDX-License-Identifier: GPL-3.0-or-later
"""User groups and their members (api-users.md 8); what they may do is told in `test_permissions_api.py`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import Api, unique
from tests.support.servers import Server
from tests.support.shapes import MASK, MEMBER, USER, USER_GROUP, USER_GROUP_WITH_MEMBERS, assert_shape
from tests.support.values import NO_BOOLEANS, NOBODY, echoed

DENIED = "Access was denied to this resource."


def missing(group: object) -> str:
    return f"user group `{group}` does not exist"


# create_user_group


def test_a_new_group_is_shown_whole_and_empty(root: Api) -> None:
    name = unique("people")
    made = root("create_user_group", group_name=name)
    assert set(made) == {"msg", "user_group"}
    assert made["msg"] == f"created new user group `{name}`"
    assert_shape(made["user_group"], USER_GROUP)
    assert made["user_group"] == {
        "users_group_id": made["user_group"]["users_group_id"],
        "group_name": name,
        "group_description": "",
        "active": True,
        "owner": "root",
        "users": [],
    }


def test_a_group_can_be_made_for_somebody_with_a_description_and_asleep(root: Api) -> None:
    ada = root.new_user()
    for owner in (ada.id, str(ada.id), ada.name):
        made = root(
            "create_user_group", group_name=unique("people"), description="Tea & <b>", owner=owner, active="no"
        )["user_group"]
        assert (made["owner"], made["group_description"], made["active"]) == (ada.name, "Tea & <b>", False)


def test_null_means_not_given(root: Api) -> None:
    made = root("create_user_group", group_name=unique("people"), description=None, owner=None, active=None)
    assert made["user_group"]["owner"] == "root"
    assert made["user_group"]["active"] is True


def test_a_new_group_gives_read_to_everybody_and_admin_to_its_owner(root: Api) -> None:
    ada = root.new_user()
    group = root.new_user_group(owner=ada.id)
    members = root("get_user_group", usergroupid=group.id)["members"]
    assert {
        "name": "root",
        "username": "root",
        "permission": "usergroup.admin",
        "origin": "super-admin",
        "type": "user",
    } in members
    assert [row for row in members if row["origin"] != "super-admin"] == [
        row | {"type": "user", "username": row["name"]}
        for row in (
            {"name": ada.name, "permission": "usergroup.admin", "origin": "owner"},
            {"name": "default", "permission": "usergroup.read", "origin": "permission"},
            {"name": ada.name, "permission": "usergroup.admin", "origin": "permission"},
        )
    ]
    assert [row["origin"] for row in members] == sorted(
        (row["origin"] for row in members), key=["super-admin", "owner", "permission"].index
    )
    for row in members:
        assert_shape(row, MEMBER | {"username": str})


def test_an_owning_super_admin_appears_once_as_the_owner(root: Api) -> None:
    members = root("get_user_group", usergroupid=root.new_user_group().id)["members"]
    assert [row["origin"] for row in members if row["name"] == "root"] == ["owner", "permission"]


@pytest.mark.parametrize("name", ["a", "Two Words", "a.b-c_d", "9", "Команда 7", "x" * 255], ids=lambda name: name[:10])
def test_names_may_be_like_this(root: Api, name: str) -> None:
    for group in root("get_user_groups"):
        if group["group_name"] == name:
            root("delete_user_group", usergroupid=group["users_group_id"])
    made = root("create_user_group", group_name=name)["user_group"]
    assert made["group_name"] == name
    root("delete_user_group", usergroupid=made["users_group_id"])


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " front",
        "back ",
        "-rf",
        ".hidden",
        "a/b",
        "a\0b",
        "a\nb",
        "a\n",
        "a,b",
        "a`b",
        "<b>",
        "e\u0301",
        "a\u202eb",
        "x" * 256,
        "x" * 100_000,
        None,
        True,
        5,
        1.5,
        [],
        {},
    ],
    ids=lambda name: repr(name)[:20],
)
def test_names_like_this_are_refused_and_leave_nothing(server: Server, root: Api, name: Any) -> None:
    with server.unchanged():
        assert root.error("create_user_group", group_name=name) == f"failed to create group `{echoed(name)}`"


def test_a_taken_name_is_refused_in_any_case(server: Server, root: Api) -> None:
    group = root.new_user_group(name=unique("Équipe"))
    with server.unchanged():
        for name in (group.name, group.name.upper(), group.name.lower(), group.name.replace("É", "E\u0301")):
            assert root.error("create_user_group", group_name=name) == f"user group `{name}` already exist"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("owner", "nobody"),
        ("owner", 10**9),
        ("owner", "default"),
        ("owner", True),
        ("owner", []),
        ("description", 5),
        ("description", "a\0b"),
        *[("active", value) for value in NO_BOOLEANS],
    ],
    ids=lambda part: repr(part)[:20],
)
def test_a_value_that_cannot_be_used_creates_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    name = unique("people")
    with server.unchanged():
        said = root.error("create_user_group", **{"group_name": name, argument: value})
        assert said == f"failed to create group `{name}`"


def test_creating_groups_is_for_super_admins_and_for_whom_it_was_permitted(server: Server, root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    taken = root.new_user_group().name
    with server.unchanged():
        for args in ({"group_name": unique("x")}, {"group_name": taken}, {"group_name": 5, "active": "?"}):
            assert ada.api.error("create_user_group", **args) == DENIED
    server.permit(ada.name, "hg.usergroup.create.true")
    name = unique("people")
    assert ada.api("create_user_group", group_name=name, owner=ada.name)["user_group"]["owner"] == ada.name
    with server.unchanged():
        for owner in (ben.id, ben.name, "root", "nobody"):
            name = unique("people")
            assert ada.api.error("create_user_group", group_name=name, owner=owner) == (
                f"failed to create group `{name}`"
            )


# get_user_group and get_user_groups


def test_a_group_is_found_by_id_digits_or_exact_name(root: Api) -> None:
    group = root.new_user_group()
    for given in (group.id, str(group.id), group.name):
        seen = root("get_user_group", usergroupid=given)
        assert_shape(seen, USER_GROUP_WITH_MEMBERS)
        assert (seen["users_group_id"], seen["group_name"]) == (group.id, group.name)
    for given in (group.name.upper(), f" {group.name}", f"{group.name}\n", group.name[:-1], f"{group.name}%"):
        assert root.error("get_user_group", usergroupid=given) == missing(given)


def test_digits_are_an_id_first_and_then_a_name(root: Api) -> None:
    first = root.new_user_group()
    if str(first.id) not in {group["group_name"] for group in root("get_user_groups")}:
        root.new_user_group(name=str(first.id))
    assert root("get_user_group", usergroupid=str(first.id))["group_name"] == first.name
    numbered = root.new_user_group(name=str(10**12 + first.id))
    assert root("get_user_group", usergroupid=numbered.name)["users_group_id"] == numbered.id
    assert root.error("get_user_group", usergroupid=int(numbered.name)) == missing(numbered.name)


@pytest.mark.parametrize(
    ("method", "others"),
    [
        ("get_user_group", {}),
        ("update_user_group", {"description": "x"}),
        ("delete_user_group", {}),
        ("add_user_to_user_group", {"userid": "root"}),
        ("remove_user_from_user_group", {"userid": "root"}),
        ("grant_user_permission_to_user_group", {"userid": "root", "perm": "usergroup.read"}),
        ("revoke_user_permission_from_user_group", {"userid": "root"}),
    ],
)
def test_values_that_name_no_group(server: Server, root: Api, method: str, others: dict[str, Any]) -> None:
    with server.unchanged():
        for value in [*NOBODY, "no-such-group", 10**9]:
            assert root.error(method, usergroupid=value, **others) == missing(echoed(value))


def test_members_are_user_objects_with_masked_keys_and_without_permissions(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    group = root.new_user_group(ben, ada)
    users = root("get_user_group", usergroupid=group.id)["users"]
    assert [user["username"] for user in users] == sorted([ada.name, ben.name])
    for user in users:
        assert_shape(user, USER)
        assert (user["api_key"], user["api_keys"]) == (MASK, [MASK])


def test_rows_are_listed_with_default_first_and_user_groups_last(root: Api) -> None:
    ada, other = root.new_user(), root.new_user_group()
    group = root.new_user_group()
    root("grant_user_permission_to_user_group", usergroupid=group.id, userid=ada.id, perm="usergroup.none")
    root(
        "grant_user_group_permission_to_user_group",
        usergroupid=group.id,
        sourceusergroupid=other.id,
        perm="usergroup.write",
    )
    members = root("get_user_group", usergroupid=group.id)["members"]
    assert all(row.pop("username") == row["name"] for row in members if row["type"] == "user")
    assert [row for row in members if row["origin"] == "permission"] == [
        {"name": "default", "permission": "usergroup.read", "origin": "permission", "type": "user"},
        {"name": "root", "permission": "usergroup.admin", "origin": "permission", "type": "user"},
        {"name": ada.name, "permission": "usergroup.none", "origin": "permission", "type": "user"},
        {"name": other.name, "permission": "usergroup.write", "origin": "permission", "type": "user_group"},
    ]


def test_the_list_holds_what_the_caller_may_read(root: Api) -> None:
    ada = root.new_user()
    open_to_all, closed, granted = root.new_user_group(), root.new_user_group(), root.new_user_group()
    for group in (closed, granted):
        root("grant_user_permission_to_user_group", usergroupid=group.id, userid="default", perm="usergroup.none")
    root("grant_user_permission_to_user_group", usergroupid=granted.id, userid=ada.id, perm="usergroup.read")
    seen = {group["group_name"] for group in ada.api("get_user_groups")}
    assert open_to_all.name in seen
    assert granted.name in seen
    assert closed.name not in seen
    everything = root("get_user_groups")
    assert {open_to_all.name, closed.name, granted.name} <= {group["group_name"] for group in everything}
    for group in everything:
        assert_shape(group, USER_GROUP)


# update_user_group


def test_everything_about_a_group_can_be_changed_at_once(root: Api) -> None:
    ada = root.new_user()
    group = root.new_user_group(ada)
    name = unique("renamed")
    updated = root(
        "update_user_group", usergroupid=group.name, group_name=name, description="New", owner=ada.name, active="off"
    )
    assert set(updated) == {"msg", "user_group"}
    assert updated["msg"] == f"updated user group ID:{group.id} {name}"
    assert_shape(updated["user_group"], USER_GROUP)
    assert updated["user_group"] == updated["user_group"] | {
        "users_group_id": group.id,
        "group_name": name,
        "group_description": "New",
        "owner": ada.name,
        "active": False,
    }
    assert [user["user_id"] for user in updated["user_group"]["users"]] == [ada.id]
    assert root.error("get_user_group", usergroupid=group.name) == missing(group.name)


def test_what_is_omitted_or_null_stays(root: Api) -> None:
    group = root.new_user_group(description="Kept", active=False)
    before = root("get_user_group", usergroupid=group.id)
    for args in ({}, dict.fromkeys(("group_name", "description", "owner", "active"))):
        updated = root("update_user_group", usergroupid=group.id, **args)
        assert updated["msg"] == f"updated user group ID:{group.id} {group.name}"
        assert updated["user_group"] == {key: value for key, value in before.items() if key != "members"}


def test_a_description_can_be_cleared_and_a_name_change_its_case(root: Api) -> None:
    group = root.new_user_group(description="Old")
    assert root("update_user_group", usergroupid=group.id, description="")["user_group"]["group_description"] == ""
    updated = root("update_user_group", usergroupid=group.id, group_name=group.name.upper())
    assert updated["user_group"]["group_name"] == group.name.upper()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("group_name", ""),
        ("group_name", "-rf"),
        ("group_name", "a\0b"),
        ("group_name", 5),
        ("group_name", "x" * 256),
        ("description", 5),
        ("description", "a\0b"),
        ("owner", "default"),
        *[("active", value) for value in NO_BOOLEANS],
    ],
    ids=lambda part: repr(part)[:20],
)
def test_a_failing_update_changes_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    group = root.new_user_group()
    with server.unchanged():
        for given in (group.id, group.name):
            args: dict[str, Any] = {"description": "New", argument: value}
            assert (
                root.error("update_user_group", usergroupid=given, **args) == f"failed to update user group `{given}`"
            )


def test_the_name_of_another_group_is_refused_and_an_unknown_owner_named(server: Server, root: Api) -> None:
    group, other = root.new_user_group(), root.new_user_group()
    with server.unchanged():
        for taken in (other.name, other.name.upper()):
            said = root.error("update_user_group", usergroupid=group.name, group_name=taken, description="x")
            assert said == f"failed to update user group `{group.name}`"
        for owner in (*NOBODY[1:], "nobody"):
            said = root.error("update_user_group", usergroupid=group.name, owner=owner, description="x")
            assert said == f"user `{echoed(owner)}` does not exist"


# delete_user_group


def test_a_deleted_group_is_gone_with_its_rows_and_its_name_is_free(root: Api) -> None:
    ada, other = root.new_user(), root.new_user_group()
    group = root.new_user_group(ada)
    root(
        "grant_user_group_permission_to_user_group",
        usergroupid=other.id,
        sourceusergroupid=group.id,
        perm="usergroup.admin",
    )
    assert root("delete_user_group", usergroupid=group.name) == {
        "msg": f"deleted user group ID:{group.id} {group.name}",
        "user_group": None,
    }
    assert root.error("get_user_group", usergroupid=group.id) == missing(group.id)
    assert root.error("delete_user_group", usergroupid=group.id) == missing(group.id)
    assert group.name not in root.user_group_rows(other)
    again = root.new_user_group(name=group.name)
    assert again.id > group.id
    assert root("get_user_group", usergroupid=again.id)["users"] == []
    assert group.name not in root.user_group_rows(other)


def test_a_group_with_rows_on_repositories_and_their_groups_stays(server: Server, root: Api) -> None:
    group, repository, folder = root.new_user_group(), root.new_repo(), root.new_repo_group()
    root("grant_user_group_permission", repoid=repository.id, usergroupid=group.id, perm="repository.none")
    root("grant_user_group_permission_to_repo_group", repogroupid=folder.id, usergroupid=group.id, perm="group.read")
    with server.unchanged():
        assert root.error("delete_user_group", usergroupid=group.id) == (
            f"UserGroup assigned to {repository.name}, {folder.name}"
        )
    root("revoke_user_group_permission", repoid=repository.id, usergroupid=group.id)
    assert root.error("delete_user_group", usergroupid=group.id) == f"UserGroup assigned to {folder.name}"
    root("revoke_user_group_permission_from_repo_group", repogroupid=folder.id, usergroupid=group.id)
    assert root("delete_user_group", usergroupid=group.id)["user_group"] is None


def test_what_the_group_is_assigned_to_is_named_only_to_who_may_see_it(root: Api) -> None:
    ada = root.new_user()
    group, hidden, seen = root.new_user_group(owner=ada.id), root.new_repo(private=True), root.new_repo()
    for repository in (hidden, seen):
        root("grant_user_group_permission", repoid=repository.id, usergroupid=group.id, perm="repository.read")
    assert ada.api.error("delete_user_group", usergroupid=group.id) == f"UserGroup assigned to {seen.name}"
    root("revoke_user_group_permission", repoid=seen.id, usergroupid=group.id)
    assert ada.api.error("delete_user_group", usergroupid=group.id).strip() == "UserGroup assigned to"


# Members


def test_a_member_comes_and_goes_and_repeating_says_so(root: Api) -> None:
    ada, group = root.new_user(), root.new_user_group()
    args = {"usergroupid": group.name, "userid": ada.name}
    assert root("add_user_to_user_group", **args) == {
        "success": True,
        "msg": f"added member `{ada.name}` to user group `{group.name}`",
    }
    assert root("add_user_to_user_group", **args) == {"success": False, "msg": "User is already in that group"}
    assert [user["user_id"] for user in root("get_user_group", usergroupid=group.id)["users"]] == [ada.id]
    assert root("remove_user_from_user_group", **args) == {
        "success": True,
        "msg": f"removed member `{ada.name}` from user group `{group.name}`",
    }
    assert root("remove_user_from_user_group", **args) == {"success": False, "msg": "User wasn't in group"}
    assert root("get_user_group", usergroupid=group.id)["users"] == []


def test_messages_have_names_however_user_and_group_were_named(root: Api) -> None:
    ada, group = root.new_user(), root.new_user_group()
    added = root("add_user_to_user_group", usergroupid=group.id, userid=str(ada.id))
    assert added["msg"] == f"added member `{ada.name}` to user group `{group.name}`"
    removed = root("remove_user_from_user_group", usergroupid=str(group.id), userid=ada.id)
    assert removed["msg"] == f"removed member `{ada.name}` from user group `{group.name}`"


def test_the_user_default_is_no_member_of_anything(server: Server, root: Api) -> None:
    group = root.new_user_group()
    with server.unchanged():
        said = root.error("add_user_to_user_group", usergroupid=group.id, userid="default")
        assert said == f"failed to add member to user group `{group.name}`"
        gone = root("remove_user_from_user_group", usergroupid=group.id, userid="default")
        assert gone == {"success": False, "msg": "User wasn't in group"}


@pytest.mark.parametrize("method", ["add_user_to_user_group", "remove_user_from_user_group"])
def test_an_unknown_member_is_named_after_the_group_was_found(server: Server, root: Api, method: str) -> None:
    group, stranger = root.new_user_group(), root.new_user()
    with server.unchanged():
        for value in [*NOBODY, "nobody"]:
            assert root.error(method, usergroupid=group.id, userid=value) == f"user `{echoed(value)}` does not exist"
        assert root.error(method, usergroupid="no-such", userid="nobody") == missing("no-such")
        assert stranger.api.error(method, usergroupid=group.name, userid="nobody") == missing(group.name)


def test_changes_are_in_the_journal(server: Server, root: Api) -> None:
    ada, group = root.new_user(), root.new_user_group()
    root("add_user_to_user_group", usergroupid=group.id, userid=ada.id)
    root("update_user_group", usergroupid=group.id, description="x")
    root("remove_user_from_user_group", usergroupid=group.id, userid=ada.id)
    root("delete_user_group", usergroupid=group.id)
    for action in ("create", "add_member", "update", "remove_member", "delete"):
        ((by, address, _),) = server.journal(f"user_group.{action}", group.name)
        assert (by, address) == ("root", "127.0.0.1")
