# SPDX-License-Identifier: GPL-3.0-or-later
"""How git is told that it may not (system.md 3.2, decisions.md W2)."""

from __future__ import annotations

import re

from tests.support.clients import Api, Git
from tests.support.raw import basic, signed_in
from tests.support.servers import Server


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


def test_who_is_not_signed_in_is_asked_for_his_name(root: Api) -> None:
    name = root.new_repo().name
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic !!!"}, {"Authorization": "Basic YQ=="}):
        path = f"/{name}/info/refs?service=git-upload-pack"
        status, headers, _ = root.post(b"", method="GET", path=path, headers=header)
        assert (status, headers["www-authenticate"]) == (401, 'Basic realm="Trivium", charset="UTF-8"')


def test_the_statuses_of_what_is_refused_before_git(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_LOGIN_FAILURES="1", TRIVIUM_LOGIN_LOCK_SECONDS="600")
    root = own_server.api(own_server.admin_key)
    ada, ben = root.new_user(force_password_change=True), root.new_user()
    name = root.new_repo(owner=ada.name).name
    path = f"/{name}/info/refs?service=git-upload-pack"
    assert "remote: password change required" in git.refused("ls-remote", own_server.clone_url(name, ada))
    assert root.post(b"", method="GET", path=path, headers=signed_in(ada))[0] == 406
    wrong = {"Authorization": basic(ben.name, "wrong")}
    assert root.post(b"", method="GET", path=path, headers=wrong)[0] == 401
    status, headers, body = root.post(b"", method="GET", path=path, headers=signed_in(ben))
    assert status == 429
    assert 0 < int(headers["retry-after"]) <= 600
    assert re.fullmatch(rb"Too many failed sign-ins; try again in \d+ seconds\.\n", body)
