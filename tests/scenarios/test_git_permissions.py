# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may pull and push, what everybody else is told, and from when on (system.md 3.2, decisions.md W2)."""

from __future__ import annotations

import re

import pytest

from tests.support.clients import Api, Git, Person, unique, with_credentials
from tests.support.raw import basic
from tests.support.servers import Server

SERVICES = ("git-upload-pack", "git-receive-pack")


def ask(api: Api, name: str, service: str = SERVICES[0], who: tuple[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of the first request of an operation."""
    headers = {"Authorization": basic(*who)} if who else {}
    status, _, body = api.post(b"", method="GET", path=f"/{name}/info/refs?service={service}", headers=headers)
    return status, body


def may(api: Api, name: str, person: Person, password: str | None = None) -> tuple[int, int]:
    """The answers to somebody who wants to pull and to push."""
    who = (person.name, person.password if password is None else password)
    return ask(api, name, SERVICES[0], who)[0], ask(api, name, SERVICES[1], who)[0]


def test_a_reader_is_told_why_he_cannot_push(server: Server, root: Api, git: Git) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = root.new_repo(owner=ada.name)
    root("grant_user_permission", repoid=repository.id, userid=ben.id, perm="repository.read")
    work = git.new_work()
    git.commit(work)
    said = git.refused("push", server.clone_url(repository.name, ben), "master", cwd=work)
    assert f"remote: You may read the repository `{repository.name}` but not push to it." in said
    assert "403" in said
    assert git.out("ls-remote", server.clone_url(repository.name, ben)) == ""


@pytest.mark.parametrize("service", SERVICES)
def test_hidden_and_missing_repositories_are_answered_alike(root: Api, service: str) -> None:
    ada, stranger = root.new_user(), root.new_user()
    private, missing = root.new_repo(owner=ada.name, private=True).name, unique("missing")
    who = (stranger.name, stranger.password)
    assert ask(root, private, service, who) == ask(root, missing, service, who)
    assert ask(root, private, service, who)[0] == 404
    assert ask(root, private, service) == ask(root, missing, service)
    assert ask(root, private, service)[0] == 401
    wrong = (stranger.name, "wrong")
    assert ask(root, private, service, wrong) == ask(root, missing, service, wrong)
    assert may(root, private, ada) == (200, 200)


def test_who_is_not_signed_in_is_asked_for_his_name(root: Api) -> None:
    name = root.new_repo().name
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic !!!"}, {"Authorization": "Basic YQ=="}):
        path = f"/{name}/info/refs?service=git-upload-pack"
        status, headers, _ = root.post(b"", method="GET", path=path, headers=header)
        assert (status, headers["www-authenticate"]) == (401, 'Basic realm="Trivium", charset="UTF-8"')


def test_visitors_where_they_are_welcome(own_server: Server, git: Git) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    public, private = root.new_repo().name, root.new_repo(private=True).name
    assert ask(root, public)[0] == 401
    own_server.trivium("public-access", "on", "--data", str(own_server.data))
    assert ask(root, public)[0] == 200
    assert ask(root, public, SERVICES[1])[0] == 401
    assert ask(root, private) == ask(root, "missing")
    assert ask(root, private)[0] == 401
    git.run("clone", own_server.clone_url(public), "copy")
    assert ask(root, public, who=("root", "wrong"))[0] == 401
    own_server.trivium("public-access", "off", "--data", str(own_server.data))
    assert ask(root, public)[0] == 401


def test_grants_and_revokes_count_at_once(root: Api) -> None:
    ben = root.new_user()
    repository = root.new_repo(private=True)
    assert may(root, repository.name, ben) == (404, 404)
    for level, expected in (("read", (200, 403)), ("write", (200, 200)), ("none", (404, 404)), ("admin", (200, 200))):
        root("grant_user_permission", repoid=repository.id, userid=ben.id, perm=f"repository.{level}")
        assert may(root, repository.name, ben) == expected
    root("revoke_user_permission", repoid=repository.id, userid=ben.id)
    assert may(root, repository.name, ben) == (404, 404)
    people = root.new_user_group(ben)
    root("grant_user_group_permission", repoid=repository.id, usergroupid=people.id, perm="repository.write")
    assert may(root, repository.name, ben) == (200, 200)
    root("remove_user_from_user_group", usergroupid=people.id, userid=ben.id)
    assert may(root, repository.name, ben) == (404, 404)


def test_changes_of_an_account_count_at_once(server: Server, root: Api) -> None:
    ben = root.new_user()
    name = root.new_repo(owner=ben.name).name
    assert may(root, name, ben) == (200, 200)
    root("update_user", userid=ben.id, active=False)
    assert may(root, name, ben) == (403, 403)
    assert may(root, name, ben, "wrong") == (401, 401)
    root("update_user", userid=ben.id, active=True)
    root("update_user", userid=ben.id, password="another-pw")
    assert may(root, name, ben) == (401, 401)
    assert may(root, name, ben, "another-pw") == (200, 200)
    server.allow_address(ben.name, "10.0.0.0/8")
    assert may(root, name, ben, "another-pw") == (403, 403)
    assert may(root, name, ben, ben.key) == (403, 403)
    server.allow_address(ben.name, "127.0.0.0/8")
    assert may(root, name, ben, ben.key) == (200, 200)
    root("delete_repo", repoid=name)
    root("delete_user", userid=ben.id)
    assert may(root, name, ben, ben.key) == (401, 401)


def test_an_archived_repository_is_read_only_even_for_its_owner(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    name = root.new_repo(owner=ada.name).name
    work, url = git.new_work(), server.clone_url(name, ada)
    git.commit(work)
    git.run("push", url, "master", cwd=work)
    server.trivium("archive", "--data", str(server.data), name)
    pushed = git.commit(work)
    said = git.refused("push", url, "master", cwd=work)
    assert f"remote: The repository `{name}` is archived: it can be read but not pushed to." in said
    root_url = with_credentials(server.clone_url(name), server.admin, server.admin_password)
    assert "archived" in git.refused("push", root_url, "master", cwd=work)
    git.run("clone", "--quiet", url, "copy")
    server.trivium("unarchive", "--data", str(server.data), name)
    git.run("push", url, "master", cwd=work)
    assert pushed in git.out("ls-remote", url)


def test_a_password_that_must_be_changed_does_not_serve(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user(force_password_change=True)
    name = root.new_repo(owner=ada.name).name
    assert may(root, name, ada) == (406, 406)
    assert "remote: password change required" in git.refused("ls-remote", server.clone_url(name, ada))
    assert may(root, name, ada, "wrong") == (401, 401)
    root("update_user", userid=ada.id, password="another-pw")
    assert may(root, name, ada, "another-pw") == (200, 200)


def test_guessing_is_stopped_but_not_the_key(own_server: Server) -> None:
    own_server.start(TRIVIUM_LOGIN_FAILURES="3", TRIVIUM_LOGIN_LOCK_SECONDS="600")
    root = own_server.api(own_server.admin_key)
    ada, ben = root.new_user(), root.new_user()
    name = root.new_repo(owner=ada.name).name
    root("grant_user_permission", repoid=name, userid=ben.id, perm="repository.write")
    for _ in range(3):
        assert ask(root, name, who=(ada.name, "wrong"))[0] == 401
    path = f"/{name}/info/refs?service=git-upload-pack"
    for password in ("wrong", ada.password):
        status, headers, body = root.post(
            b"", method="GET", path=path, headers={"Authorization": basic(ada.name, password)}
        )
        assert status == 429
        assert 0 < int(headers["retry-after"]) <= 600
        assert re.fullmatch(rb"Too many failed sign-ins; try again in \d+ seconds\.\n", body)
    assert may(root, name, ada, ada.key) == (200, 200)
    assert may(root, name, ben) == (200, 200)
