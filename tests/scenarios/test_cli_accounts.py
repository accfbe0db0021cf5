# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator can set of an account can be seen, and taken back."""

from __future__ import annotations

import json

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


@pytest.fixture
def admin(own_server: Server) -> Api:
    """A super-admin of a server where the rules for everybody are a test's own."""
    own_server.start()
    return own_server.api(own_server.admin_key)


def _refused(server: Server, *arguments: str) -> str:
    done = server.trivium(*arguments, "--data", str(server.data), check=False)
    assert done.returncode == 1, done.stderr
    assert b"Traceback" not in done.stderr
    return str(done.stderr.decode())


def test_keys_are_listed_but_never_shown(server: Server, root: Api) -> None:
    ada = root.new_user()
    made = server.administer("token", "create", ada.name, "--role", "vcs", "--description", "CI \x1b[2J").strip()
    ended = server.new_token(ada.name, "api", lifetime=0)
    said = server.administer("token", "list", ada.name)
    lines = said.splitlines()
    assert [line.split()[1] for line in lines] == ["built-in", "vcs", "api"]
    assert "never used" in lines[1] and lines[1].endswith("CI \\x1b[2J")
    assert "ended" in lines[2]
    assert not [key for key in (ada.key, made, ended) if key in said]


def test_a_revoked_key_lets_nobody_in_at_once(server: Server, root: Api, git: Git) -> None:
    ada, bob = root.new_user(), root.new_user()
    repository = ada.api.new_repo(private=True)
    key = server.new_token(ada.name)
    assert server.api(key)("get_user")["username"] == ada.name
    url = server.clone_url(repository.name, ada, password=key)
    git.run("ls-remote", url)
    number = server.administer("token", "list", ada.name).splitlines()[1].split()[0]
    builtin = server.administer("token", "list", ada.name).split()[0]
    with server.unchanged():
        assert "has no token" in _refused(server, "token", "revoke", bob.name, number)
        assert "has no token" in _refused(server, "token", "revoke", ada.name, "99999")
        assert "replaced, not revoked" in _refused(server, "token", "revoke", ada.name, builtin)
    assert server.administer("token", "revoke", ada.name, number) == f"Revoked token {number} of {ada.name}.\n"
    assert server.api(key).error("get_user") == "Invalid API KEY"
    assert git.run("ls-remote", url, check=False).returncode
    assert ada.api("get_user")["username"] == ada.name
    assert [row[0] for row in server.journal("token.revoke", ada.name)] == ["trivium"]


def test_the_built_in_key_is_replaced(server: Server, root: Api) -> None:
    ada = root.new_user()
    further = server.new_token(ada.name)
    made = server.administer("token", "reset", ada.name).strip()
    assert ada.api.error("get_user") == "Invalid API KEY"
    for key in (made, further):
        assert server.api(key)("get_user")["api_key"] == made
    assert len(server.journal("token.reset", ada.name)) == 1
    assert not [row for row in server.query("SELECT detail FROM journal") if made in row[0]]
    assert "no keys" in _refused(server, "token", "reset", "default")
    assert "no user" in _refused(server, "token", "reset", "nobody")


def test_address_ranges_are_shown(own_server: Server, admin: Api) -> None:
    ada = admin.new_user()
    assert own_server.administer("address", "list") == ""
    own_server.allow_address(ada.name, "192.0.2.0/24")
    own_server.allow_address("default", "10.0.0.0/8")
    assert own_server.administer("address", "list", ada.name).split() == [ada.name, "192.0.2.0/24"]
    everybody = [line.split() for line in own_server.administer("address", "list").splitlines()]
    assert everybody == [["default", "10.0.0.0/8"], [ada.name, "192.0.2.0/24"]]


def test_public_access_is_shown(own_server: Server) -> None:
    for state in ("on", "off"):
        assert own_server.administer("public-access", state) == ""
        assert own_server.administer("public-access") == f"{state}\n"


def _shown(server: Server, *arguments: str) -> set[tuple[str, str]]:
    lines = server.administer("permit", *arguments).splitlines()
    return {(permission, what.strip()) for permission, _, what in (line.partition(" ") for line in lines)}


def test_permissions_of_users_and_user_groups_are_set_shown_and_taken_back(own_server: Server, admin: Api) -> None:
    ada = admin.new_user()
    group = admin("create_user_group", group_name=unique("people"))["user_group"]["group_name"]
    admin("add_user_to_user_group", usergroupid=group, userid=ada.name)
    repository = admin.new_repo()
    admin("grant_user_permission", repoid=repository.name, userid=ada.name, perm="repository.write")
    admin("grant_user_group_permission", repoid=repository.name, usergroupid=group, perm="repository.read")
    create, none = "hg.create.repository", "hg.create.none"

    def may_create() -> bool:
        return "result" in (answer := ada.api.envelope("create_repo", repo_name=unique("r"), repo_type="git")) and (
            answer["error"] is None
        )

    assert (none, "(groups or default)") in _shown(own_server, ada.name) or may_create()
    own_server.permit("default", none)
    assert not may_create()
    own_server.administer("permit", "--group", group, create)
    assert may_create()
    assert _shown(own_server, group, "--group") == {(create, "(own)"), ("repository.read", repository.name)}
    assert {(create, "(groups or default)"), ("repository.write", repository.name)} <= _shown(own_server, ada.name)
    own_server.permit(ada.name, none)
    assert (none, "(own)") in _shown(own_server, ada.name)
    assert not may_create()
    own_server.administer("permit", ada.name, none, "--forget")
    assert may_create()
    own_server.administer("permit", "--group", group, create, "--forget")
    assert not may_create()
    told = [json.loads(row[2]) for row in own_server.journal("permission.global", group)]
    assert [(row["permission"], row["of_group"], row["forgotten"]) for row in told] == [
        (create, True, False),
        (create, True, True),
    ]
    told = [json.loads(row[2]) for row in own_server.journal("permission.global", ada.name)]
    assert [row["was"]["permission"] for row in told] == [None, none]
    with own_server.unchanged():
        assert "of its own" in _refused(own_server, "permit", ada.name, none, "--forget")
        assert "everybody" in _refused(own_server, "permit", "default", none, "--forget")
        assert "no user group" in _refused(own_server, "permit", "--group", "nobody")
        assert "nonsense" in _refused(own_server, "permit", "--group", group, "nonsense")


def test_an_empty_repository_group_is_deleted(server: Server, root: Api) -> None:
    group = unique("group")
    root.new_repo(f"{group}/inside")
    assert "not empty" in _refused(server, "repo-group", "delete", group)
    root("delete_repo", repoid=f"{group}/inside")
    assert server.administer("repo-group", "delete", group) == f"Deleted repository group {group}.\n"
    assert not (server.root / group).exists()
    assert "no repository group" in _refused(server, "repo-group", "delete", group)


def test_a_rescan_says_what_it_skipped_and_why(own_server: Server) -> None:
    (own_server.root / "link").symlink_to("/tmp")
    done = own_server.trivium("rescan", "--data", str(own_server.data))
    assert done.stderr.splitlines()[-1] == b"skipped link: it is a link"


def test_the_journal_tells_why_a_sign_in_failed(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = ada.api.new_repo(private=True)

    def reasons() -> list[str]:
        return [json.loads(row[2])["reason"] for row in server.journal("sign_in.failed", ada.name)]

    url = server.clone_url(repository.name, ada)
    git.run("ls-remote", url)
    git.run("ls-remote", server.clone_url(repository.name, ada, password="wrong"), check=False)
    assert set(reasons()) == {"wrong password"}
    root("update_user", userid=ada.name, active=False)
    for _ in range(3):
        assert ada.api.error("get_user")
        git.run("ls-remote", url, check=False)
    assert reasons().count("inactive") in (1, 2)  # each of the two workers tells once
    root("update_user", userid=ada.name, active=True)
    server.allow_address(ada.name, "192.0.2.0/24")
    assert ada.api.error("get_user")
    assert reasons()[-1] == "address"
    server.administer("address", "forget", ada.name, "192.0.2.0/24")
    assert server.api(server.new_token(ada.name, "vcs")).error("get_user")
    assert reasons()[-1] == "role"
    assert not [row for row in server.query("SELECT detail FROM journal") if ada.password in row[0]]
