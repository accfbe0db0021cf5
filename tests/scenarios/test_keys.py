# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a key is, what it may be used for, and who gets to see it (api-users.md 1.1 rows 8 to 11, and 3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.clients import Api, unique
from tests.support.servers import Server
from tests.support.shapes import KEY, MASK

INVALID = "Invalid API KEY"


def who(api: Api, headers: dict[str, str] | None = None, **keys: Any) -> Any:
    """The user id behind a call with these keys, or the error."""
    body = {"id": 1, "method": "get_user", "args": {}} | keys
    answer = json.loads(api.post(json.dumps(body), headers=headers)[2])
    return answer["error"] or answer["result"]["user_id"]


# Keys and their users


def test_a_new_user_has_a_key_of_his_own_that_survives_a_new_name_and_password(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    assert KEY.fullmatch(ada.key)
    assert ada.key != ben.key
    root("update_user", userid=ada.id, username=unique("renamed"), password="another-pw")
    assert who(root, api_key=ada.key) == ada.id
    assert root("get_user", userid=ada.id)["api_key"] == ada.key


@pytest.mark.parametrize(
    "key",
    [
        "x",
        " ",
        "0" * 40,
        "g" * 40,
        MASK,
        "'; --",
        "\0",
        "é" * 20,
        "x" * 100_000,
        1,
        0,
        True,
        False,
        1.5,
        [],
        {},
        10**40,
    ],
    ids=lambda key: repr(key)[:20],
)
def test_row_8_an_unknown_key_of_any_kind_is_invalid(root: Api, key: Any) -> None:
    assert who(root, api_key=key) == INVALID


def test_row_8_a_key_counts_as_it_is_written(root: Api) -> None:
    ada = root.new_user()
    for almost in (ada.key.upper() + "0", f" {ada.key}", f"{ada.key}\n", ada.key[:-1], [ada.key], ada.name):
        assert who(root, api_key=almost) == INVALID


def test_row_8_the_key_of_a_deleted_user_is_dead_at_once(root: Api) -> None:
    ada = root.new_user()
    assert who(root, api_key=ada.key) == ada.id
    root("delete_user", userid=ada.id)
    assert who(root, api_key=ada.key) == INVALID


def test_row_9_an_inactive_user_is_told_so_until_he_is_active_again(root: Api) -> None:
    ada = root.new_user()
    root("update_user", userid=ada.id, active=False)
    assert ada.api.error("get_user") == "Request from this user not allowed"
    assert ada.api.error("no_such_method") == "Request from this user not allowed"
    root("update_user", userid=ada.id, active=True)
    assert ada.api("get_user")["user_id"] == ada.id
    born_asleep = root.new_user(active=False)
    assert born_asleep.api.error("get_user") == "Request from this user not allowed"


def test_row_10_a_user_is_let_in_from_his_addresses_only(server: Server, root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    server.allow_address(ada.name, "10.0.0.0/8")
    server.allow_address(ada.name, "2001:db8::/32")
    server.allow_address(ben.name, "127.0.0.0/8")
    assert ada.api.error("get_user") == "Request from IP:127.0.0.1 not allowed"
    assert ben.api("get_user")["ip_addresses"] == ["127.0.0.0/8"]
    assert root("get_user", userid=ada.id)["ip_addresses"] == ["10.0.0.0/8", "2001:db8::/32"]


def test_row_10_nobody_can_claim_another_address(server: Server, root: Api) -> None:
    ada = root.new_user()
    server.allow_address(ada.name, "10.0.0.0/8")
    claims = {"X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1", "Forwarded": "for=10.0.0.1"}
    assert who(root, headers=claims, api_key=ada.key) == "Request from IP:127.0.0.1 not allowed"


def test_rows_9_10_11_in_this_order(server: Server, root: Api) -> None:
    ada = root.new_user()
    feed = server.api(server.new_token(ada.name, "feed"))
    assert feed.error("no_such_method") == "API KEY has bad role for an API call"
    server.allow_address(ada.name, "10.0.0.0/8")
    assert feed.error("get_user") == "Request from IP:127.0.0.1 not allowed"
    root("update_user", userid=ada.id, active=False)
    assert feed.error("get_user") == "Request from this user not allowed"


@pytest.mark.parametrize("role", ["all", "api"])
def test_tokens_for_the_api_work_beside_the_key(server: Server, root: Api, role: str) -> None:
    ada = root.new_user()
    token = server.new_token(ada.name, role)
    assert KEY.fullmatch(token)
    assert server.api(token)("get_user")["user_id"] == ada.id
    assert ada.api("get_user")["api_keys"] == [ada.key, token]
    assert server.api(token)("get_user")["api_key"] == ada.key


@pytest.mark.parametrize("role", ["vcs", "http", "feed"])
def test_row_11_a_token_for_something_else_does_not_call(server: Server, root: Api, role: str) -> None:
    token = server.new_token(root.new_user().name, role)
    assert server.api(token).error("get_user") == "API KEY has bad role for an API call"


def test_row_8_an_expired_token_is_like_none(server: Server, root: Api) -> None:
    ada = root.new_user()
    assert who(root, api_key=server.new_token(ada.name, lifetime=0)) == INVALID
    assert who(root, api_key=server.new_token(ada.name, "feed", lifetime=0)) == INVALID
    assert who(root, api_key=server.new_token(ada.name, lifetime=60)) == ada.id


def test_the_user_default_has_no_key(root: Api) -> None:
    shown = root("get_user", userid="default")
    assert shown["api_key"] == MASK
    assert shown["api_keys"] == [MASK]
    assert who(root, api_key=shown["api_key"]) == INVALID


# Where a key may stand (decisions.md A9)


def test_auth_token_is_another_name_for_api_key(root: Api) -> None:
    ada = root.new_user()
    assert who(root, auth_token=ada.key) == ada.id
    assert who(root, auth_token=ada.key, api_key=None) == ada.id
    assert who(root, auth_token=ada.key, api_key="") == ada.id
    assert who(root, auth_token="wrong") == INVALID


@pytest.mark.parametrize("header", ["Authorization", "X-Rc-Auth-Token"])
def test_a_header_may_bring_the_key_when_the_body_has_none(root: Api, header: str) -> None:
    ada, ben = root.new_user(), root.new_user()
    headers = {header: f"Bearer {ada.key}" if header == "Authorization" else ada.key}
    assert who(root, headers=headers) == ada.id
    assert who(root, headers=headers, api_key=ben.key) == ben.id
    assert who(root, headers=headers, api_key="wrong") == INVALID
    assert who(root, headers=headers, api_key=None) == "Incorrect JSON data. Missing 'api_key or auth_token'"


def test_names_and_passwords_do_not_call(root: Api) -> None:
    for scheme in ("Basic cm9vdDphZG1pbmlzdHJhdG9yLXB3", "Bearer", "Bearer ", "Digest x"):
        answer = who(root, headers={"Authorization": scheme})
        assert answer == "Incorrect JSON data. Missing 'api_key or auth_token'"


# Who sees them


def test_keys_are_shown_to_their_owner_and_to_super_admins(root: Api) -> None:
    ada, deputy = root.new_user(), root.new_user(admin=True)
    assert ada.api("get_user")["api_key"] == ada.key
    assert root("get_user", userid=ada.id)["api_keys"] == [ada.key]
    assert deputy.api("get_user", userid=ada.name)["api_key"] == ada.key
    listed = {user["user_id"]: user for user in deputy.api("get_users")}
    assert listed[ada.id]["api_key"] == ada.key
    assert root("update_user", userid=ada.id)["user"]["api_key"] == ada.key


def test_no_answer_shows_a_key_to_anybody_else(server: Server, root: Api) -> None:
    """CVE-2015-0260 and its kin: keys inside the answers about other things."""
    owner, reader = root.new_user(), root.new_user()
    token = server.new_token(owner.name)
    repository, group = owner.api.new_repo(), root.new_repo_group(owner=owner.id)
    people = root.new_user_group(owner, reader, owner=owner.id)
    deputy = root.new_user(admin=True)
    own = {"userid": reader.id}
    asked: list[tuple[Api, str, dict[str, Any]]] = [
        (reader.api, "get_repo", {"repoid": repository.id}),
        (reader.api, "get_repos", {}),
        (reader.api, "get_repo_group", {"repogroupid": group.id}),
        (reader.api, "get_repo_groups", {}),
        (reader.api, "get_user_group", {"usergroupid": people.id}),
        (reader.api, "get_user_groups", {}),
        (owner.api, "update_user_group", {"usergroupid": people.id, "description": "x"}),
        (owner.api, "update_repo", {"repoid": repository.id, "description": "x"}),
        (owner.api, "update_repo_group", {"repogroupid": group.id, "description": "x"}),
        (owner.api, "add_user_to_user_group", {"usergroupid": people.id} | own),
        (deputy.api, "get_repo", {"repoid": repository.id}),
        (deputy.api, "get_user_group", {"usergroupid": people.id}),
        (deputy.api, "create_user_group", {"group_name": unique("people")}),
    ]
    for api, method, args in asked:
        body = api.post(json.dumps({"id": 1, "api_key": api.key, "method": method, "args": args}))[2].decode()
        assert json.loads(body)["error"] is None, method
        for secret in (owner.key, token, reader.key, root.key, deputy.key):
            assert secret not in body, method


def test_masked_fields_are_there_with_forty_asterisks(root: Api) -> None:
    owner, reader = root.new_user(), root.new_user()
    repository, people = owner.api.new_repo(), root.new_user_group(owner)
    (follower,) = reader.api("get_repo", repoid=repository.id)["followers"]
    (member,) = reader.api("get_user_group", usergroupid=people.id)["users"]
    for seen in (follower, member):
        assert (seen["username"], seen["api_key"], seen["api_keys"]) == (owner.name, MASK, [MASK])


def test_a_super_admin_sees_the_members_keys_in_lists_and_after_updates_of_groups(root: Api) -> None:
    ada = root.new_user()
    people = root.new_user_group(ada)
    listed = {group["users_group_id"]: group for group in root("get_user_groups")}
    assert [user["api_key"] for user in listed[people.id]["users"]] == [ada.key]
    updated = root("update_user_group", usergroupid=people.id)["user_group"]
    assert [user["api_key"] for user in updated["users"]] == [ada.key]
    assert [user["api_key"] for user in root("get_user_group", usergroupid=people.id)["users"]] == [MASK]


def test_no_key_and_no_password_is_written_to_the_log_the_database_or_the_journal(server: Server, root: Api) -> None:
    ada = root.new_user(password="a-very-secret-pw")
    root("update_user", userid=ada.id, password="another-secret-pw")
    ada.api("get_user")
    ada.api.error("no_such_method")
    kept = server.log.read_bytes() + b"".join(path.read_bytes() for path in server.data.glob("trivium.db*"))
    for secret in (ada.key, "a-very-secret-pw", "another-secret-pw"):
        assert secret.encode() not in kept


def test_the_option_mask_api_keys_hides_them_from_everybody(own_server: Server) -> None:
    own_server.start(TRIVIUM_MASK_API_KEYS="true")
    root = own_server.api(own_server.admin_key)
    own_server.allow_address("root", "127.0.0.1")
    for shown in (root("get_user"), root("get_users")[0], root("update_user", userid="root")["user"]):
        assert (shown["username"], shown["api_key"], shown["api_keys"]) == ("root", MASK, [MASK])
        assert shown["ip_addresses"] == ["127.0.0.1/32"]
