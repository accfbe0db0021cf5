# SPDX-License-Identifier: GPL-3.0-or-later
"""get_ip, show_ip, get_server_info, rpc.discover, old names of methods (api-users.md 6, decisions.md A6, A15)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.clients import Api, unique
from tests.support.servers import Server
from tests.support.values import NOBODY, echoed

DENIED = "Access was denied to this resource."

METHODS = {
    # The contract: method → its arguments in order; those with `?` may be left out.
    "add_field_to_repo": "repoid key label? description?",
    "add_user_to_user_group": "usergroupid userid",
    "changeset_comment": "repoid revision message userid? status?",
    "create_gist": "files owner? gist_type? lifetime? description?",
    "create_repo": "repo_name repo_type owner? description? private? clone_uri? landing_rev? enable_statistics? "
    "enable_locking? enable_downloads? copy_permissions?",
    "create_repo_group": "group_name description? owner? copy_permissions?",
    "create_user": "username email password? firstname? lastname? active? admin? extern_name? extern_type? "
    "force_password_change?",
    "create_user_group": "group_name description? owner? active?",
    "delete_gist": "gistid",
    "delete_repo": "repoid forks?",
    "delete_user": "userid",
    "delete_user_group": "usergroupid",
    "fork_repo": "repoid fork_name owner? description? copy_permissions? private? landing_rev?",
    "get_gist": "gistid content?",
    "get_gists": "userid?",
    "get_ip": "userid?",
    "get_repo": "repoid cache?",
    "get_repo_changeset": "repoid revision details?",
    "get_repo_changesets": "repoid start_rev limit details?",
    "get_repo_group": "repogroupid",
    "get_repo_groups": "",
    "get_repo_nodes": "repoid revision root_path ret_type? details?",
    "get_repos": "",
    "get_server_info": "",
    "get_user": "userid?",
    "get_user_group": "usergroupid",
    "get_user_groups": "",
    "get_users": "",
    "grant_user_group_permission": "repoid usergroupid perm",
    "grant_user_group_permission_to_repo_group": "repogroupid usergroupid perm apply_to_children?",
    "grant_user_group_permission_to_user_group": "usergroupid sourceusergroupid perm",
    "grant_user_permission": "repoid userid perm",
    "grant_user_permission_to_repo_group": "repogroupid userid perm apply_to_children?",
    "grant_user_permission_to_user_group": "usergroupid userid perm",
    "invalidate_cache": "repoid delete_keys?",
    "pull": "repoid",
    "remove_field_from_repo": "repoid key",
    "remove_user_from_user_group": "usergroupid userid",
    "revoke_user_group_permission": "repoid usergroupid",
    "revoke_user_group_permission_from_repo_group": "repogroupid usergroupid apply_to_children?",
    "revoke_user_group_permission_from_user_group": "usergroupid sourceusergroupid",
    "revoke_user_permission": "repoid userid",
    "revoke_user_permission_from_repo_group": "repogroupid userid apply_to_children?",
    "revoke_user_permission_from_user_group": "usergroupid userid",
    "show_ip": "userid?",
    "strip": "repoid revision branch",
    "update_repo": "repoid name? owner? group? description? private? clone_uri? landing_rev? enable_statistics? "
    "enable_locking? enable_downloads? fields?",
    "update_repo_group": "repogroupid group_name? description? owner? parent? enable_locking?",
    "update_user": "userid username? email? password? firstname? lastname? active? admin? extern_type? extern_name?",
    "update_user_group": "usergroupid group_name? description? owner? active?",
}


# get_ip and show_ip


@pytest.mark.parametrize("method", ["get_ip", "show_ip"])
def test_the_callers_address_and_no_restrictions(root: Api, method: str) -> None:
    for args in ({}, {"userid": None}, {"userid": "root"}, {"userid": root.new_user().id}):
        assert root(method, **args) == {"server_ip_addr": "127.0.0.1", "user_ips": []}


@pytest.mark.parametrize("method", ["get_ip", "show_ip"])
def test_ranges_are_shown_with_first_and_last_address(server: Server, root: Api, method: str) -> None:
    ada = root.new_user()
    for network in ("10.1.2.3/8", "192.0.2.7", "2001:db8::/126"):
        server.allow_address(ada.name, network)
    for given in (ada.id, str(ada.id), ada.name):
        assert root(method, userid=given)["user_ips"] == [
            {"ip_addr": "10.0.0.0/8", "ip_range": ["10.0.0.0", "10.255.255.255"]},
            {"ip_addr": "192.0.2.7/32", "ip_range": ["192.0.2.7", "192.0.2.7"]},
            {"ip_addr": "2001:db8::/126", "ip_range": ["2001:db8::", "2001:db8::3"]},
        ]


@pytest.mark.parametrize("method", ["get_ip", "show_ip"])
def test_addresses_are_for_super_admins_even_the_own_one(root: Api, method: str) -> None:
    ada = root.new_user()
    for args in ({}, {"userid": ada.id}, {"userid": "nobody"}, {"userid": []}):
        assert ada.api.error(method, **args) == DENIED


@pytest.mark.parametrize("method", ["get_ip", "show_ip"])
def test_addresses_of_nobody(root: Api, method: str) -> None:
    for value in [*NOBODY[1:], "nobody"]:
        assert root.error(method, userid=value) == f"user `{echoed(value)}` does not exist"


def test_forwarded_headers_of_a_configured_proxy_count(behind_proxy: Server) -> None:
    body = f'{{"id": 1, "api_key": "{behind_proxy.admin_key}", "method": "get_ip", "args": {{}}}}'
    forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
    assert b'"server_ip_addr":"198.51.100.1"' in behind_proxy.api("").post(body, headers=forwarded)[2]


# get_server_info


def test_server_info_names_versions_and_modules_and_nothing_else(server: Server, root: Api) -> None:
    info = root("get_server_info")
    assert set(info) == {
        "modules",
        "module_versions",
        "py_version",
        "platform",
        "rhodecode_version",
        "kallithea_version",
        "trivium_version",
    }
    assert info["rhodecode_version"] == info["kallithea_version"] == "4.3.0"
    assert re.fullmatch(r"3\.\d+\.\d+\S*", info["py_version"])
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", info["trivium_version"])
    assert info["platform"]
    assert info["modules"] == sorted(info["modules"])
    assert {"SQLAlchemy", "trivium"} <= set(info["modules"])
    assert set(info["module_versions"]) == set(info["modules"])
    assert all(isinstance(version, str) and version for version in info["module_versions"].values())
    assert str(server.data) not in str(info)


def test_server_info_is_for_super_admins(root: Api) -> None:
    assert root.new_user().api.error("get_server_info") == DENIED
    assert root.new_user(admin=True).api("get_server_info") == root("get_server_info")


# rpc.discover


def test_the_api_describes_itself_to_anybody_with_a_key(root: Api) -> None:
    described = root("rpc.discover")
    assert described == root.new_user().api("rpc.discover", anything="ignored")
    assert set(described) >= {"openrpc", "info", "methods"}
    assert re.fullmatch(r"1\.\d+\.\d+", described["openrpc"])
    assert set(described["info"]) >= {"title", "version"}
    assert Api(root.url, "wrong").error("rpc.discover") == "Invalid API KEY"


def test_every_documented_method_is_described_with_its_arguments_in_order(root: Api) -> None:
    described = {method["name"]: method for method in root("rpc.discover")["methods"]}
    assert set(described) >= set(METHODS)
    for name, arguments in METHODS.items():
        shown = [f"{param['name']}{'' if param['required'] else '?'}" for param in described[name]["params"]]
        expected = arguments.split()
        assert shown[: len(expected)] == expected, name
        assert all(further.endswith("?") for further in shown[len(expected) :]), name


def test_descriptions_are_complete(root: Api) -> None:
    for method in root("rpc.discover")["methods"]:
        assert method["summary"].endswith("."), method["name"]
        assert method["description"], method["name"]
        assert method["paramStructure"] == "by-name"
        assert set(method["result"]) == {"name", "schema"}
        for param in method["params"]:
            assert set(param) == {"name", "required", "schema"}
            assert set(param["schema"]) <= {"type", "oneOf", "default"}
            assert "type" in param["schema"] or "oneOf" in param["schema"]


def test_described_methods_exist_and_miss_what_they_say_they_need(root: Api) -> None:
    for method in root("rpc.discover")["methods"]:
        needed = [param["name"] for param in method["params"] if param["required"]]
        if needed:
            assert root.error(method["name"]) == f"Missing non optional `{needed[0]}` arg in JSON DATA"


# Old names


def test_methods_about_user_groups_answer_to_their_old_names(root: Api) -> None:
    ada, name = root.new_user(), unique("people")
    group = root("create_users_group", group_name=name)["user_group"]["users_group_id"]
    other, repository, folder = root.new_user_group(), root.new_repo(), root.new_repo_group()

    def done(method: str, **args: Any) -> Any:
        """Call with the old name of the argument; the new one works as well."""
        old = {("usersgroupid" if key == "usergroupid" else key): value for key, value in args.items()}
        assert root.error(method, **{key: value for key, value in old.items() if key != "usersgroupid"}) == (
            "Missing non optional `usergroupid` arg in JSON DATA"
        )
        assert isinstance(root(method, **args), dict)
        return root(method, **old)

    assert name in {found["group_name"] for found in root("get_users_groups")}
    assert done("get_users_group", usergroupid=name)["users_group_id"] == group
    assert done("update_users_group", usergroupid=name, description="old")["user_group"]["group_description"] == "old"
    assert done("add_user_to_users_group", usergroupid=name, userid=ada.id)["msg"] == "User is already in that group"
    assert done("remove_user_from_users_group", usergroupid=name, userid=ada.id)["msg"] == "User wasn't in group"
    assert done("grant_user_permission_to_users_group", usergroupid=name, userid=ada.id, perm="usergroup.read")
    assert done("revoke_user_permission_from_users_group", usergroupid=name, userid=ada.id)
    between = {"usergroupid": name, "sourceusergroupid": other.id}
    assert done("grant_users_group_permission_to_users_group", **between, perm="usergroup.read")
    assert done("revoke_users_group_permission_from_users_group", **between)
    on_repository = {"usergroupid": name, "repoid": repository.id}
    assert done("grant_users_group_permission", **on_repository, perm="repository.read")
    assert done("revoke_users_group_permission", **on_repository)
    on_folder = {"usergroupid": name, "repogroupid": folder.id}
    assert done("grant_users_group_permission_to_repo_group", **on_folder, perm="group.read")
    assert done("revoke_users_group_permission_from_repo_group", **on_folder)
    assert root("delete_users_group", usersgroupid=name)["user_group"] is None


def test_an_old_argument_name_works_with_the_new_method_name(root: Api) -> None:
    group = root.new_user_group()
    assert root("get_user_group", usersgroupid=group.id)["group_name"] == group.name


def test_remote_uri_is_the_old_name_of_clone_uri(root: Api) -> None:
    name = unique("repo")
    assert root.error("create_repo", repo_name=name, repo_type="git", remote_uri="file:///etc") == (
        f"failed to create repository `{name}`"
    )
    repository = root.new_repo()
    assert root.error("update_repo", repoid=repository.name, remote_uri="file:///etc") == (
        f"failed to update repo `{repository.name}`"
    )


def test_old_names_are_not_described(root: Api) -> None:
    assert not [method for method in root("rpc.discover")["methods"] if "users_group" in method["name"]]
