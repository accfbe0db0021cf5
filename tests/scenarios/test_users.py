# SPDX-License-Identifier: GPL-3.0-or-later
"""get_user, get_users, create_user, update_user, delete_user (api-users.md 7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server
from tests.support.shapes import KEY, PERMISSIONS, USER, USER_WITH_PERMISSIONS, assert_shape
from tests.support.values import NO, NO_BOOLEANS, NOBODY, YES, echoed

DENIED = "Access was denied to this resource."
FOREIGN = "userid is not the same as your user"


# create_user


def test_a_new_user_is_shown_whole(root: Api) -> None:
    name = unique("ada")
    made = root(
        "create_user",
        username=name,
        email=f"{name}@EXAMPLE.org",
        password="s3cret",
        firstname="Ada",
        lastname="Lovelace",
        active=True,
        admin=False,
        force_password_change=False,
    )
    assert set(made) == {"msg", "user"}
    assert made["msg"] == f"created new user `{name}`"
    user = made["user"]
    assert_shape(user, USER)
    assert KEY.fullmatch(user["api_key"])
    assert user == user | {
        "username": name,
        "firstname": "Ada",
        "lastname": "Lovelace",
        "email": f"{name}@example.org",
        "emails": [f"{name}@example.org"],
        "active": True,
        "admin": False,
        "api_keys": [user["api_key"]],
        "ip_addresses": [],
        "extern_name": "rhodecode",
        "extern_type": "rhodecode",
        "last_login": None,
    }


def test_only_name_and_email_are_needed(root: Api) -> None:
    name = unique("bare")
    user = root("create_user", username=name, email=name)["user"]
    assert (user["firstname"], user["lastname"], user["email"]) == ("", "", name)
    assert (user["active"], user["admin"]) == (True, False)


def test_null_means_not_given(root: Api) -> None:
    optional = ("password", "firstname", "lastname", "active", "admin", "extern_name", "extern_type")
    name = unique("null")
    user = root("create_user", username=name, email=name, **dict.fromkeys(optional))["user"]
    assert (user["firstname"], user["active"], user["admin"]) == ("", True, False)
    assert (user["extern_name"], user["extern_type"]) == ("rhodecode", "rhodecode")


def test_a_new_user_owns_nothing_and_is_in_no_group(root: Api) -> None:
    ada = root.new_user()
    assert ada.name not in {thing["owner"] for thing in root("get_repos") + root("get_user_groups")}
    assert not [group for group in root("get_user_groups") if ada.id in {user["user_id"] for user in group["users"]}]


@pytest.mark.parametrize(
    "name", ["a", "_", "A.b-c_d", "é", "żółw", "имя", "名前", "x" * 255, "9lives", "0x7"], ids=lambda name: name[:10]
)
def test_names_may_be_like_this(root: Api, name: str) -> None:
    for user in root("get_users"):
        if user["username"] == name:
            root("delete_user", userid=user["user_id"])
    user = root("create_user", username=name, email=unique("mail"))["user"]
    assert user["username"] == name
    assert root("get_user", userid=name)["user_id"] == user["user_id"]
    root("delete_user", userid=user["user_id"])


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-rf",
        ".hidden",
        "two words",
        "trailing ",
        "new\nline",
        "newline\n",
        "tab\t",
        "nul\0",
        "a/b",
        "../up",
        "a@b",
        "a:b",
        "a`b",
        "<b>",
        "x" * 256,
        "x" * 100_000,
        "123",
        "٣٤",
        "e\u0301lan",
        "a\u202eb",
        "a\u200bb",
        "new_user",
        "NEW_USER",
        123,
        -5,
        10**30,
        None,
        True,
        1.5,
        [],
        ["ada"],
        {},
    ],
    ids=lambda name: repr(name)[:20],
)
def test_names_like_this_are_refused_and_leave_nothing(server: Server, root: Api, name: Any) -> None:
    with server.unchanged():
        said = root.error("create_user", username=name, email=unique("mail"))
        assert said == f"failed to create user `{echoed(name)}`"


def test_the_name_default_is_taken(root: Api) -> None:
    for name in ("default", "Default", "DEFAULT"):
        assert root.error("create_user", username=name, email=unique("mail")) == f"user `{name}` already exist"


def test_a_taken_name_is_refused_in_any_case(server: Server, root: Api) -> None:
    name = unique("Été")
    root("create_user", username=name, email=unique("mail"))
    with server.unchanged():
        for again in (name, name.upper(), name.lower(), name.swapcase(), name.replace("é", "e\u0301")):
            said = root.error("create_user", username=again, email=unique("mail"))
            assert said == f"user `{again}` already exist"


def test_a_taken_email_is_refused_in_any_case(server: Server, root: Api) -> None:
    ada = root.new_user()
    email = f"{ada.name}@example.org"
    with server.unchanged():
        for again in (email, email.upper()):
            said = root.error("create_user", username=unique("user"), email=again)
            assert said == f"email `{again}` already exist"


def test_errors_come_in_the_documented_order(root: Api) -> None:
    ada = root.new_user()
    email = f"{ada.name}@example.org"
    stranger = root.new_user().api
    assert stranger.error("create_user", username=ada.name, email=email, password="x", active="?") == DENIED
    assert root.error("create_user", username=ada.name, email=email, password="x") == f"user `{ada.name}` already exist"
    assert root.error("create_user", username="-rf", email=email, password="x") == f"email `{email}` already exist"
    assert root.error("create_user", username="-rf", email=unique("m"), password="x") == "failed to create user `-rf`"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("email", ""),
        ("email", None),
        ("email", 5),
        ("email", "a\0b"),
        ("email", "a\nb"),
        ("email", "x" * 256),
        ("email", []),
        ("password", "12345"),
        ("password", "x" * 1025),
        ("password", 123456),
        ("password", ["s3cret-pw"]),
        ("firstname", "a\0b"),
        ("firstname", 5),
        ("firstname", "x" * 100_000),
        ("lastname", {}),
        ("extern_name", ""),
        ("extern_type", ""),
        ("extern_type", 1),
        *[(flag, value) for flag in ("active", "admin", "force_password_change") for value in NO_BOOLEANS],
    ],
    ids=lambda part: repr(part)[:20],
)
def test_a_value_that_cannot_be_used_creates_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    name = unique("user")
    args = {"username": name, "email": name} | {argument: value}
    with server.unchanged():
        assert root.error("create_user", **args) == f"failed to create user `{name}`"


def test_flags_may_be_spelled_as_the_command_line_sends_them(root: Api) -> None:
    for word, meaning in [(yes, True) for yes in YES] + [(no, False) for no in NO]:
        name = unique("flag")
        user = root("create_user", username=name, email=name, active=word, admin=word)["user"]
        assert (user["active"], user["admin"]) == (meaning, meaning), word
        root("delete_user", userid=user["user_id"])


def test_six_characters_are_a_password_and_none_is_none(server: Server, root: Api, git: Git) -> None:
    short = root.new_user(password="123456")
    none = root.new_user(password="")
    repository = short.api.new_repo(private=True)
    for person in (short, none):
        root("grant_user_permission", repoid=repository.id, userid=person.id, perm="repository.read")
    git.run("ls-remote", server.clone_url(repository.name, short))
    git.refused("ls-remote", server.clone_url(repository.name, none))
    assert none.api("get_user")["user_id"] == none.id


def test_a_password_given_with_a_foreign_extern_name_lets_nobody_in(server: Server, root: Api, git: Git) -> None:
    away = root.new_user(password="s3cret-pw", extern_name="uid=away", extern_type="ldap")
    repository = away.api.new_repo()
    git.refused("ls-remote", server.clone_url(repository.name, away))
    shown = root("get_user", userid=away.id)
    assert (shown["extern_name"], shown["extern_type"]) == ("uid=away", "ldap")


# get_user and get_users


def test_get_user_without_argument_is_the_caller(root: Api) -> None:
    ada = root.new_user()
    for given in ({}, {"userid": None}):
        seen = ada.api("get_user", **given)
        assert_shape(seen, USER_WITH_PERMISSIONS)
        assert_shape(seen["permissions"], PERMISSIONS)
        assert (seen["user_id"], seen["username"], seen["api_key"]) == (ada.id, ada.name, ada.key)


def test_a_super_admin_gets_anybody_by_id_digits_or_name(root: Api) -> None:
    ada = root.new_user()
    for given in (ada.id, str(ada.id), f"00{ada.id}", ada.name):
        assert root("get_user", userid=given)["user_id"] == ada.id
    assert root("get_user", userid="default")["username"] == "default"


def test_a_regular_user_names_himself_by_id_digits_or_name(root: Api) -> None:
    ada = root.new_user()
    for given in (ada.id, str(ada.id), ada.name):
        assert ada.api("get_user", userid=given)["user_id"] == ada.id


def test_a_regular_user_naming_anybody_else_is_told_so_whether_they_exist_or_not(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    for given in (ben.id, str(ben.id), ben.name, "root", "default", "nobody", 10**9, ada.name.upper(), float(ada.id)):
        assert ada.api.error("get_user", userid=given) == FOREIGN
    for given in NOBODY[1:]:
        assert ada.api.error("get_user", userid=given) == FOREIGN


@pytest.mark.parametrize("method", ["get_user", "update_user", "delete_user", "get_ip"])
def test_values_that_name_nobody(server: Server, root: Api, method: str) -> None:
    values = NOBODY if method in ("update_user", "delete_user") else NOBODY[1:]
    with server.unchanged():
        for value in [*values, "nobody", "ROOT", "Root", " root", "root ", 10**9]:
            assert root.error(method, userid=value) == f"user `{echoed(value)}` does not exist"


def test_what_a_user_may_do_is_listed_by_name(root: Api) -> None:
    ada = root.new_user()
    repository, hidden = ada.api.new_repo(), root.new_repo(private=True)
    group, people = root.new_repo_group(), root.new_user_group()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.write")
    permissions = ada.api("get_user")["permissions"]
    assert permissions["repositories"][repository.name] == "repository.admin"
    assert permissions["repositories_groups"][group.name] == "group.write"
    assert permissions["user_groups"][people.name] == "usergroup.read"
    assert hidden.name not in permissions["repositories"]
    assert root("get_user", userid=ada.id)["permissions"]["repositories"][hidden.name] == "repository.none"


def test_global_permissions_of_a_fresh_site(root: Api) -> None:
    ada, deputy = root.new_user(), root.new_user(admin=True)
    assert set(ada.api("get_user")["permissions"]["global"]) == {
        "repository.read",
        "group.read",
        "usergroup.read",
        "hg.create.repository",
        "hg.create.write_on_repogroup.true",
        "hg.fork.repository",
        "hg.repogroup.create.false",
        "hg.usergroup.create.false",
        "hg.register.manual_activate",
        "hg.extern_activate.auto",
        "hg.inherit_default_perms.true",
    }
    assert "hg.admin" in deputy.api("get_user")["permissions"]["global"]


def test_get_users_lists_everybody_but_default_by_name_and_without_permissions(root: Api) -> None:
    sleeping = root.new_user(active=False)
    users = root("get_users")
    for user in users:
        assert_shape(user, USER)
    names = [user["username"] for user in users]
    assert names == sorted(names)
    assert {"root", sleeping.name} <= set(names)
    assert "default" not in names


def test_everything_but_get_user_is_for_super_admins(server: Server, root: Api) -> None:
    ada = root.new_user()
    with server.unchanged():
        assert ada.api.error("get_users") == DENIED
        assert ada.api.error("create_user", username=unique("x"), email=unique("x")) == DENIED
        for userid in (ada.id, "root", "nobody", None):
            assert ada.api.error("update_user", userid=userid, admin=True) == DENIED
            assert ada.api.error("delete_user", userid=userid) == DENIED


# update_user


def test_everything_about_a_user_can_be_changed_at_once(root: Api) -> None:
    ada = root.new_user()
    name = unique("grace")
    updated = root(
        "update_user",
        userid=ada.name,
        username=name,
        email=f"{name}@EXAMPLE.org",
        firstname="Grace",
        lastname="Hopper",
        active="true",
        admin="yes",
        extern_type="ldap",
        extern_name="uid=grace",
    )
    assert set(updated) == {"msg", "user"}
    assert updated["msg"] == f"updated user ID:{ada.id} {name}"
    assert_shape(updated["user"], USER)
    assert updated["user"] == updated["user"] | {
        "user_id": ada.id,
        "username": name,
        "email": f"{name}@example.org",
        "emails": [f"{name}@example.org"],
        "firstname": "Grace",
        "lastname": "Hopper",
        "active": True,
        "admin": True,
        "extern_type": "ldap",
        "extern_name": "uid=grace",
        "api_key": ada.key,
    }
    assert root.error("get_user", userid=ada.name) == f"user `{ada.name}` does not exist"


def test_what_is_omitted_or_null_stays(root: Api) -> None:
    ada = root.new_user(firstname="Ada", lastname="Lovelace", admin=True)
    before = root("get_user", userid=ada.id)
    every = ("username", "email", "password", "firstname", "lastname", "active", "admin", "extern_type", "extern_name")
    for args in ({}, dict.fromkeys(every)):
        updated = root("update_user", userid=ada.id, **args)
        assert updated["msg"] == f"updated user ID:{ada.id} {ada.name}"
        assert updated["user"] == {key: value for key, value in before.items() if key != "permissions"}


def test_an_empty_text_clears_a_name(root: Api) -> None:
    ada = root.new_user(firstname="Ada", lastname="Lovelace")
    updated = root("update_user", userid=ada.id, firstname="")["user"]
    assert (updated["firstname"], updated["lastname"]) == ("", "Lovelace")


def test_a_user_may_keep_his_name_and_email_and_change_their_case(root: Api) -> None:
    ada = root.new_user()
    email = f"{ada.name}@example.org"
    updated = root("update_user", userid=ada.id, username=ada.name.upper(), email=email.upper())["user"]
    assert (updated["username"], updated["email"]) == (ada.name.upper(), email)


def test_what_a_user_has_survives_his_new_name(root: Api) -> None:
    ada = root.new_user()
    repository, other, people = ada.api.new_repo(), root.new_repo(), root.new_user_group(ada)
    root("grant_user_permission", repoid=other.id, userid=ada.id, perm="repository.write")
    name = unique("grace")
    root("update_user", userid=ada.id, username=name)
    assert root("get_repo", repoid=repository.id)["owner"] == name
    assert root.repo_rows(other)[name] == "repository.write"
    assert [user["username"] for user in root("get_user_group", usergroupid=people.id)["users"]] == [name]


def test_a_new_password_counts_at_once_and_the_old_one_no_more(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user(password="the-first-pw")
    url = server.clone_url(ada.api.new_repo().name, ada)
    git.run("ls-remote", url)
    root("update_user", userid=ada.id, password="the-second-pw")
    git.refused("ls-remote", url)
    ada.password = "the-second-pw"
    git.run("ls-remote", server.clone_url(url.rpartition("/")[2], ada))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("username", ""),
        ("username", "-rf"),
        ("username", "default"),
        ("username", 123),
        ("username", []),
        ("email", ""),
        ("email", "a\0b"),
        ("email", 5),
        ("password", "12345"),
        ("password", 123456),
        ("firstname", "a\0b"),
        ("firstname", 7),
        ("lastname", []),
        ("active", "maybe"),
        ("admin", "maybe"),
        ("admin", 2),
        ("extern_type", 1),
        ("extern_name", {}),
    ],
    ids=lambda part: repr(part)[:20],
)
def test_a_failing_update_changes_nothing(server: Server, root: Api, argument: str, value: Any) -> None:
    ada = root.new_user()
    with server.unchanged():
        for userid in (ada.id, ada.name):
            args: dict[str, Any] = {"firstname": "New", argument: value}
            assert root.error("update_user", userid=userid, **args) == f"failed to update user `{userid}`"


def test_the_name_and_email_of_somebody_else_are_refused(server: Server, root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    with server.unchanged():
        for taken in (
            {"username": ben.name},
            {"username": ben.name.upper()},
            {"email": f"{ben.name}@example.org"},
            {"email": f"{ben.name}@EXAMPLE.ORG"},
        ):
            assert root.error("update_user", userid=ada.name, firstname="x", **taken) == (
                f"failed to update user `{ada.name}`"
            )


def test_the_user_default_cannot_be_edited(server: Server, root: Api) -> None:
    with server.unchanged():
        for userid in (1, "1", "default"):
            for args in ({}, {"active": True}, {"admin": True}, {"username": unique("x")}, {"password": "s3cret-pw"}):
                assert root.error("update_user", userid=userid, **args) == "editing default user is forbidden"


# delete_user


def test_a_deleted_user_is_gone_and_his_name_and_email_are_free_for_another(root: Api) -> None:
    ada = root.new_user()
    people, repository = root.new_user_group(ada), root.new_repo()
    root("grant_user_permission", repoid=repository.id, userid=ada.id, perm="repository.admin")
    assert root("delete_user", userid=ada.name) == {"msg": f"deleted user ID:{ada.id} {ada.name}", "user": None}
    assert root.error("get_user", userid=ada.id) == f"user `{ada.id}` does not exist"
    assert root("get_user_group", usergroupid=people.id)["users"] == []
    assert ada.name not in root.repo_rows(repository)
    again = root.new_user(ada.name)
    assert again.id > ada.id
    assert again.key != ada.key
    assert ada.name not in root.repo_rows(repository)
    assert root("get_user_group", usergroupid=people.id)["users"] == []


def test_ids_are_never_used_again(root: Api) -> None:
    last = root.new_user()
    root("delete_user", userid=last.id)
    assert root.new_user().id > last.id


def test_deleting_twice_finds_nobody(root: Api) -> None:
    ada = root.new_user()
    root("delete_user", userid=ada.id)
    assert root.error("delete_user", userid=ada.id) == f"user `{ada.id}` does not exist"


@pytest.mark.parametrize("kind", ["repository", "repository group", "user group"])
def test_who_owns_something_stays_until_it_is_given_away(server: Server, root: Api, kind: str) -> None:
    ada = root.new_user()
    if kind == "repository":
        thing, method, argument = ada.api.new_repo(), "update_repo", "repoid"
    elif kind == "repository group":
        thing, method, argument = root.new_repo_group(owner=ada.id), "update_repo_group", "repogroupid"
    else:
        thing, method, argument = root.new_user_group(owner=ada.id), "update_user_group", "usergroupid"
    with server.unchanged():
        assert root.error("delete_user", userid=ada.name) == f"failed to delete user ID:{ada.id} {ada.name}"
    root(method, **{argument: thing.id}, owner="root")
    assert root("delete_user", userid=ada.id)["user"] is None


def test_the_user_default_cannot_be_deleted(server: Server, root: Api) -> None:
    with server.unchanged():
        for userid in (1, "1", "default"):
            assert root.error("delete_user", userid=userid) == "failed to delete user ID:1 default"


def test_the_last_active_super_admin_stays(own_server: Server) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    deputy = root.new_user(admin=True)
    root("update_user", userid=deputy.id, active=False)  # an inactive deputy is no help
    with own_server.unchanged():
        for args in ({"active": False}, {"admin": False}, {"admin": "no", "firstname": "x"}, {"extern_type": "ldap"}):
            assert root.error("update_user", userid="root", **args) == "failed to update user `root`"
        assert root.error("delete_user", userid="root") == "failed to delete user ID:2 root"
    assert root("update_user", userid="root", firstname="Rita", active=True, admin=True)["user"]["firstname"] == "Rita"
    root("update_user", userid=deputy.id, active=True)
    assert deputy.api("update_user", userid="root", admin=False)["user"]["admin"] is False
    assert root.error("get_users") == DENIED
    assert deputy.api("delete_user", userid="root")["msg"] == "deleted user ID:2 root"
    assert root.error("get_user") == "Invalid API KEY"
    assert deputy.api.error("delete_user", userid=deputy.id) == f"failed to delete user ID:{deputy.id} {deputy.name}"


def test_changes_are_in_the_journal_without_secrets(server: Server, root: Api) -> None:
    ada = root.new_user(password="first-secret-pw")
    root("update_user", userid=ada.id, password="other-secret-pw", firstname="Ada")
    root("delete_user", userid=ada.id)
    for action in ("user.create", "user.update", "user.delete"):
        ((by, address, detail),) = server.journal(action, ada.name)
        assert (by, address) == ("root", "127.0.0.1")
        assert "secret" not in detail
        assert ada.key not in detail
