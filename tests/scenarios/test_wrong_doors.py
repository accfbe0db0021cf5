# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients who come with the wrong system, an old name, or a password in an older writing (system.md 3.2)."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.support.clients import Api, ApiError, Person, unique
from tests.support.servers import Server
from tests.support.systems import new_system

CALLED = {"git": "Git", "hg": "Mercurial", "svn": "Subversion"}


@pytest.mark.parametrize("client", CALLED)
@pytest.mark.parametrize("kind", CALLED)
def test_a_reader_is_told_which_system_a_repository_is(
    server: Server, root: Api, tmp_path: Path, client: str, kind: str
) -> None:
    if client == kind:
        return
    ada, stranger = root.new_user(), root.new_user()
    name = root.new_repo(kind=kind, owner=ada.name, private=True).name
    system = new_system(client, tmp_path)
    status, said = system.ask(root, name, (ada.name, ada.password))
    assert status != 200
    assert f"The repository `{name}` is a {CALLED[kind]} repository." in said
    for who in (None, (stranger.name, stranger.password)):
        status, said = system.ask(root, name, who)
        assert status != 200
        assert CALLED[kind] not in said.replace("Subversion refuses", "")


def test_the_user_of_svn_reads_the_new_name(server: Server, root: Api, tmp_path: Path) -> None:
    ada = root.new_user()
    system = new_system("svn", tmp_path)
    old = system.new_repository(root, ada, private=True)
    copy = system.checkout(server, old, ada)
    copy.change()
    new = unique("renamed")
    root("update_repo", repoid=old, name=new)
    assert f"it is called `{new}` now" in copy.refused_update()
    stranger = root.new_user()
    assert new not in system.refused_checkout(server, old, stranger)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_passwords_are_understood_in_both_writings(root: Api, encoding: str) -> None:
    ada = root.new_user(password="pässwörd-é")
    name = root.new_repo(owner=ada.name, private=True).name
    for password, status in (("pässwörd-é", 200), ("password-e", 401)):
        raw = base64.b64encode(f"{ada.name}:{password}".encode(encoding)).decode()
        path = f"/{name}/info/refs?service=git-upload-pack"
        assert root.post(b"", method="GET", path=path, headers={"Authorization": f"Basic {raw}"})[0] == status


@pytest.mark.parametrize("kind", CALLED)
@pytest.mark.parametrize("last", ["info", "objects", "HEAD", "git-upload-pack", "git-receive-pack", "!svn"])
def test_nothing_is_called_what_a_protocol_uses(root: Api, last: str, kind: str) -> None:
    group = root.new_repo_group().name
    for name in (last, f"{group}/{last}"):
        assert root.error("create_repo", repo_name=name, repo_type=kind) == f"failed to create repository `{name}`"
        assert "reserved" in root.envelope("create_repo_group", group_name=name)["error_detail"]
    own: Person = root.new_user()
    mine = root.new_repo(owner=own.name, kind=kind)
    with pytest.raises(ApiError):
        root("update_repo", repoid=mine.id, name=last)
    with pytest.raises(ApiError):
        root("fork_repo", repoid=mine.id, fork_name=f"{group}/{last}")


def test_no_address_of_the_site_asks_for_a_password_of_webdav(root: Api) -> None:
    for method in ("OPTIONS", "PROPFIND", "REPORT", "MKCOL", "LOCK"):
        for path in ("/", "/_admin/ping", "/_admin/gists"):
            status, headers, _ = root.post(b"", method=method, path=path)
            assert status == 405 and "allow" in headers and "www-authenticate" not in headers, (method, path, status)
